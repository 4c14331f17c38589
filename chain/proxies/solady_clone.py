"""Solady's minimal proxy (LibClone.clone), with or without immutable arguments behind it."""

from __future__ import annotations

from chain.proxy import ProxyKind, code_like

KIND = ProxyKind(
    name="solady_clone",
    source="https://github.com/Vectorized/solady",
    rank=10,
    code=code_like("3d3d3d3d363d3d37363d73<A>5af43d3d93803e602a57fd5bf3*"),
    fixed=True,
)
