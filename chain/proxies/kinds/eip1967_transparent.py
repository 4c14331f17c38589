"""EIP-1967 with an admin in its slot: the transparent proxy. The admin alone can upgrade it."""

from __future__ import annotations

from chain.blocks.standards import ADMIN_CHANGED, ADMIN_SLOT, IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip1967_transparent",
    source="https://eips.ethereum.org/EIPS/eip-1967",
    rank=30,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=IMPLEMENTATION_SLOT, always=True),
        SlotSpec(role=Role.ADMIN, slot=ADMIN_SLOT, always=True),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
        LogSpec(role=Role.ADMIN, topic=ADMIN_CHANGED, position=1),  # AdminChanged(address,address)
    ),
    reads=(Role.IMPLEMENTATION, Role.ADMIN),
)
