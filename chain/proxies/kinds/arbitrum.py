"""Arbitrum's proxy with two targets: one for the admin's calls (EIP-1967 slot), one for everybody's."""

from __future__ import annotations

from chain.blocks.standards import ADMIN_CHANGED, ADMIN_SLOT, IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="arbitrum",
    source="https://github.com/OffchainLabs/nitro-contracts",
    rank=27,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=IMPLEMENTATION_SLOT, always=True),
        SlotSpec(role=Role.ADMIN, slot=ADMIN_SLOT, always=True),
        SlotSpec(role=Role.SECONDARY, slot=0x2B1DBCE74324248C222F0EC2D5ED7BD323CFC425B336F0253C5CCFDA7265546D),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
        LogSpec(role=Role.ADMIN, topic=ADMIN_CHANGED, position=1),  # AdminChanged(address,address)
        LogSpec(
            role=Role.SECONDARY, topic="0xf7eed2a7fabbf1bec8d55ed5e785cc76622376dde5df4ff15470551e030b8134", position=0
        ),  # UpgradedSecondary(address)
    ),
    reads=(Role.IMPLEMENTATION, Role.SECONDARY),
)
