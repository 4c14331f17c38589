"""Clone with immutable arguments, the old form."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="cwia_call",
    source="https://github.com/wighawag/clones-with-immutable-args",
    rank=10,
    code=code_like("363d3d3761????603836393d3d3d3661????013d73<A>5af43d82803e903d91603657fd5bf3*"),
    fixed=True,
)
