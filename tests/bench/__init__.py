"""Measured figures of this machine: `python -m tests.bench`. Each module of `measures` is one benchmark, found by itself."""
