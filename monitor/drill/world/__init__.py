"""Simulates the world of a drill in its own process: venues with their real APIs, a scripted chain, a webhook receiver.

It replaces the outside, so it imports neither probes/ nor chain/: both sides are written from the venues' documents.
"""
