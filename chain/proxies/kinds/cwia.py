"""Clone with immutable arguments (wighawag, the present form)."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="cwia",
    source="https://github.com/wighawag/clones-with-immutable-args",
    rank=10,
    code=code_like("3d3d3d3d363d3d3761????603736393661????013d73<A>5af43d3d93803e603557fd5bf3*"),
    fixed=True,
)
