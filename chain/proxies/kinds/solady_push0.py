"""Solady's minimal proxy with PUSH0 (LibClone.clone_PUSH0)."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="solady_push0",
    source="https://github.com/Vectorized/solady",
    rank=10,
    code=code_like("5f5f365f5f37365f73<A>5af43d5f5f3e6029573d5ffd5b3d5ff3"),
    fixed=True,
)
