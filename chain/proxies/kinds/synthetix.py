"""Synthetix's proxy: calls its target, mostly by CALL; the target can be exchanged under it."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind, code_like

KIND = ProxyKind(
    name="synthetix",
    source="https://github.com/Synthetixio/synthetix",
    rank=48,
    code=code_like("*63907dff97*814250a3b8c79fcbe2ead2c131c952a278491c8f4322a79fe84b5040a810373e*"),
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0xd4b83992", watched=True, proved=True, forwards=True),  # target()
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x814250a3b8c79fcbe2ead2c131c952a278491c8f4322a79fe84b5040a810373e",
            position=0,
        ),  # TargetUpdated(address)
    ),
)
