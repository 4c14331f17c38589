"""EIP-897, DelegateProxy: has getters for its target, and for whether that can change."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import GetterSpec, Proof, ProxyKind

KIND = ProxyKind(
    name="eip897",
    source="https://eips.ethereum.org/EIPS/eip-897",
    rank=50,
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0x5c60da1b", watched=True),  # implementation()
    ),
    proofs=(
        Proof(body="0x4555d5c9", words=frozenset({1, 2})),  # proxyType()
    ),
)
