"""EIP-7702: an externally owned account that delegates. A later authorisation changes or ends it, without a log."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="eip7702",
    source="https://eips.ethereum.org/EIPS/eip-7702",
    rank=5,
    code=code_like("ef0100<A>"),
    by_itself=True,
)
