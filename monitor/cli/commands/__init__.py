"""Every module here declares `add_to(app)`; nothing lists them by hand. Import no heavy library at module level here."""
