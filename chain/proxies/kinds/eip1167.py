"""EIP-1167, the minimal proxy. Vanity addresses are pushed short; the jump that shrinks with them is not compared."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="eip1167",
    source="https://eips.ethereum.org/EIPS/eip-1167",
    rank=10,
    code=code_like("363d3d373d3d3d363d<P>5af43d82803e903d9160??57fd5bf3"),
    fixed=True,
)
