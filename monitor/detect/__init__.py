"""Detectors: small numeric state machines, each over one stream. Pure: they take numbers and times and return numbers."""
