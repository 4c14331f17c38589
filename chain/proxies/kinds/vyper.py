"""Vyper's forwarder (create_forwarder_to, until 0.3.3)."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="vyper",
    source="https://github.com/vyperlang/vyper",
    rank=10,
    code=code_like("366000600037611000600036600073<A>5af4602c57600080fd5b6110006000f3"),
    fixed=True,
)
