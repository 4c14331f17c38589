"""Maple's proxies: EIP-1967 slot, changed by their factory from version to version; the log names the version alone."""

from __future__ import annotations

from chain.blocks.standards import IMPLEMENTATION_SLOT
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="maple",
    source="https://github.com/maple-labs/proxy-factory",
    rank=27,
    slots=(
        SlotSpec(
            role=Role.IMPLEMENTATION,
            slot=IMPLEMENTATION_SLOT,
            always=True,
        ),
        SlotSpec(role=Role.FACTORY, slot=0x7A45A402E4CB6E08EBC196F20F66D5D30E67285A2A8AA80503FA409E727A4AF1),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0xaaaa7ee6b0c2f4ee1fa7312c7d5b3623a434da5a1a9ce3cb6e629caa23454ab6",
            position=None,
            confirmed=True,
        ),  # Upgraded(uint256,bytes)
    ),
    reads=(Role.IMPLEMENTATION, Role.FACTORY),
)
