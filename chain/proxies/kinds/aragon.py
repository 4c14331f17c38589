"""Aragon's application: asks its kernel for the code of its application id at every call (Lido's are such)."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, Proof, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="aragon",
    source="https://github.com/aragon/aragonOS",
    rank=44,
    slots=(SlotSpec(role=Role.KERNEL, slot=0x4172F0F7D2289153072B0A6CA36959E0CBE2EFC3AFE50FC81636CAA96338137B),),
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0x5c60da1b", watched=True, proved=True),  # implementation()
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x2ec1ae0a449b7ae354b9dacfb3ade6b6332ba26b7fcbb935835fa39dd7263b23",
            position=2,
            of=Role.KERNEL,
            confirmed=True,
        ),  # SetApp(bytes32,bytes32,address)
    ),
    proofs=(
        Proof(body="0x4555d5c9", words=frozenset({2})),  # proxyType()
    ),
    reads=(Role.IMPLEMENTATION, Role.KERNEL),
)
