"""The drill's world, a process of its own: four venues on their real wires, a scripted chain, and a page's receiver.

It stands in for what is outside, so it knows neither probes/ nor chain/: both sides are written from the venues' documents.
"""
