"""Synthetix V3's UUPS: a slot of its own, and a log that names the proxy first."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="synthetix_v3",
    source="https://github.com/Synthetixio/synthetix-v3",
    rank=26,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=0x5A648C35A2F5512218B4683CF10E03F5B7C9DC7346E1BF77D304AE97F60F592B),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x5d611f318680d00598bb735d61bacf0c514c6b50e1e5ad30040a4df2b12791c7",
            position=1,
        ),  # Upgraded(address,address)
    ),
)
