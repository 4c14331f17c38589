"""Polygon's (Matic's) bridge proxies."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="polygon",
    source="https://github.com/maticnetwork/pos-portal",
    rank=24,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=0xBAAB7DBF64751104133AF04ABC7D9979F0FDA3B059A322A8333F533D3F32BF7F),
        SlotSpec(role=Role.ADMIN, slot=0x44F6E2E8884CBA1236B7F22F351FA5D88B17292B7E0225CA47E5ECDF6055CDD6),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0xd32d24edea94f55e932d9a008afc425a8561462d1b1f57bc6e508e9a6b9509e1",
            position=0,
        ),  # ProxyUpdated(address,address)
        LogSpec(
            role=Role.ADMIN, topic="0xdbe5fd65bcdbae152f24ab660ea68e72b4d4705b57b16e0caae994e214680ee2", position=0
        ),  # ProxyOwnerUpdate(address,address)
    ),
)
