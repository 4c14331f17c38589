"""Detectors: small numeric state machines over one stream. Pure: numbers and times in, numbers out."""
