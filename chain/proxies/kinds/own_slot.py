"""Wallets with their target in the slot whose number is their own address, in code of any form (Biconomy's)."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import OWN_ADDRESS, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="own_slot",
    source="https://github.com/bcnmy/scw-contracts",
    rank=37,
    slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=OWN_ADDRESS, proved=True),),
    by_itself=True,
)
