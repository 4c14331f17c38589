"""Origin's proxies: EIP-1967 slot, and a governor in a slot of its own."""

from __future__ import annotations

from chain.blocks.standards import IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="governed",
    source="https://github.com/OriginProtocol/origin-dollar",
    rank=27,
    slots=(
        SlotSpec(
            role=Role.IMPLEMENTATION,
            slot=IMPLEMENTATION_SLOT,
            always=True,
        ),
        SlotSpec(role=Role.ADMIN, slot=0x7BEA13895FA79D2831E0A9E28EDEDE30099005A50D652D8957CF8A607EE6CA4A),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
        LogSpec(
            role=Role.ADMIN,
            topic="0xc7c0c772add429241571afb3805861fb3cfa2af374534088b76cdb4325a87e9a",
            position=1,
            old=0,
        ),  # GovernorshipTransferred(address,address)
    ),
    reads=(Role.IMPLEMENTATION, Role.ADMIN),
)
