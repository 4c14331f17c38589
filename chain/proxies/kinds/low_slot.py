"""Proxies of no known form whose target is in one of their first slots: the legacy dispatcher, Argent's, hand-made ones."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import GetterSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="low_slot",
    source="https://github.com/shazow/whatsabi",
    rank=58,
    slots=tuple(SlotSpec(role=Role.IMPLEMENTATION, slot=slot, proved=True) for slot in range(4)),
    calls=(
        GetterSpec(role=Role.ADMIN, body="0xf851a440"),  # admin()
    ),
)
