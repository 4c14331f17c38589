"""Kinds of case, one a file. Each is written from documented incidents, and knows nothing of how anything is detected."""
