"""OpenZeppelin's proxies before EIP-1967 (ZeppelinOS; USDC's is one)."""

from __future__ import annotations

from chain.blocks.standards import ADMIN_CHANGED, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="zos",
    source="https://github.com/OpenZeppelin/openzeppelin-sdk",
    rank=25,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=0x7050C9E0F4CA769C69BD3A8EF740BC37934F8E2C036E5A723FD8EE048ED3F8C3),
        SlotSpec(role=Role.ADMIN, slot=0x10D6A54A4754C8869D6886B5F5D7FBFA5B4522237EA5C60D11BC4E7A1FF9390B),
        SlotSpec(role=Role.ADMIN, slot=0x337C729C04082E3BDD94BA7D2B5A8A642F3A138702366A91707825373A2029BA),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
        LogSpec(role=Role.ADMIN, topic=ADMIN_CHANGED, position=1),  # AdminChanged(address,address)
    ),
)
