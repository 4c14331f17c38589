"""EIP-1967 slot alone: the slots do not show who can write it."""

from __future__ import annotations

from chain.blocks.standards import IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip1967",
    source="https://eips.ethereum.org/EIPS/eip-1967",
    rank=39,
    slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=IMPLEMENTATION_SLOT, always=True),),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
    ),
)
