"""Vyper's forwarder of the beta versions (Uniswap V1's exchanges)."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="vyper_beta",
    source="https://github.com/vyperlang/vyper",
    rank=10,
    code=code_like("366000600037611000600036600073<A>5af41558576110006000f3"),
    fixed=True,
)
