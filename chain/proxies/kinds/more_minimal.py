"""0age's more minimal proxy, a byte shorter than EIP-1167."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="more_minimal",
    source="https://github.com/ApeWorX/ape",
    rank=10,
    code=code_like("3d3d3d3d363d3d37363d73<A>5af43d3d93803e602a57fd5bf3"),
    fixed=True,
)
