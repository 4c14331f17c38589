"""Superfluid's UUPS: EIP-1967 slot, logs CodeUpdated, answers getCodeAddress."""

from __future__ import annotations

from chain.blocks.standards import IMPLEMENTATION_SLOT
from chain.events import Role
from chain.proxies.kind import LogSpec, Proof, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="superfluid",
    source="https://github.com/superfluid-finance/protocol-monorepo",
    rank=28,
    slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=IMPLEMENTATION_SLOT, always=True),),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0xe011bc04c286c344a8fcbb8de77f953da762c3e25d8cdea984147fc4168a5dcc",
            position=1,
        ),  # CodeUpdated(bytes32,address)
    ),
    proofs=(
        Proof(body="0x50d75d25"),  # getCodeAddress()
    ),
)
