"""Shows a person what the daemon knows: assets and legs, exits, venues, incidents, what is blind, deliveries.

`contents.py` says what is shown, `history.py` keeps the latest incidents, `render.py` writes the HTML, and `server.py` answers.
"""
