"""Traces, metrics and logs of the monitor itself. Its settings are in `settings`, which imports nothing heavy."""
