"""EIP-3448, MetaProxy: a clone that appends its metadata to the calls of the target."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="eip3448",
    source="https://eips.ethereum.org/EIPS/eip-3448",
    rank=10,
    code=code_like("363d3d373d3d3d3d60368038038091363936013d73<A>5af43d3d93803e603457fd5bf3*"),
    fixed=True,
)
