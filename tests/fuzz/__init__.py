"""Fuzzing of everything that reads bytes from venues: `make fuzz`, `python -m tests.fuzz`."""
