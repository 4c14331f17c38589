"""Sequence's wallet: the target is in the slot whose number is the wallet's own address."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import OWN_ADDRESS, LogSpec, ProxyKind, SlotSpec, code_like

KIND = ProxyKind(
    name="sequence",
    source="https://github.com/0xsequence/wallet-contracts",
    rank=8,
    code=code_like("363d3d373d3d3d363d30545af43d82803e903d91601857fd5bf3"),
    slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=OWN_ADDRESS),),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x310ba5f1d2ed074b51e2eccd052a47ae9ab7c6b800d1fca3db3999d6a592ca03",
            position=0,
        ),  # ImplementationUpdated(address)
    ),
    by_itself=True,
)
