"""Aragon's kernel: itself a proxy, whose code is an application in its own registry."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, Proof, ProxyKind

KIND = ProxyKind(
    name="aragon_kernel",
    source="https://github.com/aragon/aragonOS",
    rank=44,
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0x5c60da1b", watched=True, proved=True),  # implementation()
        GetterSpec(role=Role.ACL, body="0xde287359"),  # acl()
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x2ec1ae0a449b7ae354b9dacfb3ade6b6332ba26b7fcbb935835fa39dd7263b23",
            position=2,
            confirmed=True,
        ),  # SetApp(bytes32,bytes32,address)
    ),
    proofs=(
        Proof(body="0x4555d5c9", words=frozenset({2})),  # proxyType()
        Proof(body="0xde287359"),  # acl()
    ),
)
