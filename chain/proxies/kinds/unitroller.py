"""Compound's Unitroller and its forks: the admin names a pending implementation, which accepts. Slots 2 and 3.

Forks name the getters after themselves; all answer `_acceptImplementation()`.
"""

from __future__ import annotations

import re

from chain.blocks.standards import NEW_IMPLEMENTATION
from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="unitroller",
    source="https://github.com/compound-finance/compound-protocol",
    rank=28,
    code=re.compile(rb"\x63\xc1\xe8\x03\x34"),  # _acceptImplementation()
    slots=(
        SlotSpec(role=Role.ADMIN, slot=0, shared=True),
        SlotSpec(role=Role.IMPLEMENTATION, slot=2, proved=True),
        SlotSpec(role=Role.PENDING, slot=3, shared=True),
    ),
    calls=(
        GetterSpec(
            role=Role.IMPLEMENTATION, body="0xbb82aa5e", watched=True, proved=True
        ),  # comptrollerImplementation()
        GetterSpec(role=Role.PENDING, body="0xdcfbc0c7"),  # pendingComptrollerImplementation()
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=NEW_IMPLEMENTATION,
            position=1,
            old=0,
        ),  # NewImplementation(address,address)
        LogSpec(
            role=Role.PENDING,
            topic="0xe945ccee5d701fc83f9b8aa8ca94ea4219ec1fcbd4f4cab4f0ea57c5c3e1d815",
            position=1,
            old=0,
        ),  # NewPendingImplementation(address,address)
    ),
)
