"""Proxies with an owner of their own, apart from the target's (OpenZeppelin's labs; POA's and Omnibridge's, TrueUSD's, Nexus
Mutual's): each holds target and owner in slots of its own, and has getters for them.
"""

from __future__ import annotations

from chain.blocks.standards import UPGRADED
from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind

KIND = ProxyKind(
    name="owned",
    source="https://github.com/OpenZeppelin/openzeppelin-labs",
    rank=54,
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0x5c60da1b", watched=True, proved=True),  # implementation()
        GetterSpec(role=Role.ADMIN, body="0x6fde8202"),  # upgradeabilityOwner()
        GetterSpec(role=Role.ADMIN, body="0x025313a2"),  # proxyOwner()
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x4289d6195cf3c2d2174adf98d0e19d4d2d08887995b99cb7b100e7ffe795820e",
            position=0,  # it alone is indexed
            confirmed=True,
        ),  # Upgraded(uint256,address)
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
    ),
    reads=(Role.IMPLEMENTATION, Role.ADMIN),
)
