"""EIP-7511, the minimal proxy with PUSH0. Vanity addresses are pushed short."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="eip7511",
    source="https://eips.ethereum.org/EIPS/eip-7511",
    rank=10,
    code=code_like("365f5f375f5f365f<P>5af43d5f5f3e5f3d9160??57fd5bf3"),
    fixed=True,
)
