"""Balancer's batch relayer: delegates to a library fixed at its creation."""

from __future__ import annotations

import re

from chain.events import Role
from chain.proxies.kind import GetterSpec, Proof, ProxyKind

KIND = ProxyKind(
    name="balancer_relayer",
    source="https://github.com/balancer/balancer-v2-monorepo",
    rank=49,
    code=re.compile(rb"\x63\x76\x78\x92\x2e"),
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0x7678922e"),  # getLibrary()
    ),
    proofs=(
        Proof(body="0x54fd4d50"),  # version()
    ),
    fixed=True,
)
