"""EIP-1967 slot, upgraded by the implementation's own code (UUPS): it answers proxiableUUID with that slot."""

from __future__ import annotations

from chain.blocks.standards import IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, Proof, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip1967_uups",
    source="https://eips.ethereum.org/EIPS/eip-1822",
    rank=31,
    slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=IMPLEMENTATION_SLOT, always=True),),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
    ),
    proofs=(
        Proof(
            body="0x52d1902d",
            of=Role.IMPLEMENTATION,
            words=frozenset({IMPLEMENTATION_SLOT}),
        ),  # proxiableUUID()
    ),
)
