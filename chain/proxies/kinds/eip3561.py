"""EIP-3561, trust minimised: the next logic waits in a slot of its own before it takes effect."""

from __future__ import annotations

from chain.blocks.standards import ADMIN_CHANGED, ADMIN_SLOT, IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip3561",
    source="https://eips.ethereum.org/EIPS/eip-3561",
    rank=26,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=IMPLEMENTATION_SLOT, always=True),
        SlotSpec(role=Role.ADMIN, slot=ADMIN_SLOT, always=True),
        SlotSpec(role=Role.PENDING, slot=0x19E3FABE07B65998B604369D85524946766191AC9434B39E27C424C976493685),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
        LogSpec(role=Role.ADMIN, topic=ADMIN_CHANGED, position=1),  # AdminChanged(address,address)
        LogSpec(
            role=Role.PENDING, topic="0x449860c58a6ce7acb79bbc76727c717d9688a32a8b2bd805b1deb61e5afa5c4d", position=0
        ),  # NextLogicDefined(address,uint256)
    ),
    reads=(Role.IMPLEMENTATION, Role.PENDING),
)
