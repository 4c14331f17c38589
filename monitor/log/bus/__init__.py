"""Carries the log of many machines over NATS JetStream: agents publish their signals, correlators read them by a cursor.

Each process keeps its local log as before; the bus is one more reader of it, and one more source. A bus that is away is
therefore a lag, never a loss.
"""
