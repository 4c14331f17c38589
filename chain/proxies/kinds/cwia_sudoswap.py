"""Clone with immutable arguments of fixed length (Sudoswap's pairs)."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="cwia_sudoswap",
    source="https://github.com/sudoswap/lssvm",
    rank=10,
    code=code_like("3d3d3d3d363d3d37605160353639366051013d73<A>5af43d3d93803e603357fd5bf3*"),
    fixed=True,
)
