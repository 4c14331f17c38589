"""Celo's proxy: EIP-1967 slots, and names of its own for logs and getters."""

from __future__ import annotations

from chain.blocks.standards import ADMIN_SLOT, IMPLEMENTATION_SLOT
from chain.events import Role
from chain.proxies.kind import LogSpec, Proof, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="celo",
    source="https://github.com/celo-org/celo-monorepo",
    rank=22,
    slots=(
        SlotSpec(
            role=Role.IMPLEMENTATION,
            slot=IMPLEMENTATION_SLOT,
            always=True,
        ),
        SlotSpec(role=Role.ADMIN, slot=ADMIN_SLOT, always=True),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0xab64f92ab780ecbf4f3866f57cee465ff36c89450dcce20237ca7a8d81fb7d13",
            position=0,
        ),  # ImplementationSet(address)
        LogSpec(
            role=Role.ADMIN, topic="0x50146d0e3c60aa1d17a70635b05494f864e86144a2201275021014fbf08bafe2", position=0
        ),  # OwnerSet(address)
    ),
    proofs=(
        Proof(body="0x42404e07"),  # _getImplementation()
    ),
)
