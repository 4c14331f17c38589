"""Traces, metrics and logs of the monitor itself. Settings come from `settings`, which imports nothing heavy."""
