"""EIP-1167 code with immutable arguments behind it (Solady's LibClone, OpenZeppelin 5's Clones). EIP-6551 goes before it:
128 bytes of arguments look like an account's.
"""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="eip1167_args",
    source="https://github.com/Vectorized/solady",
    rank=11,
    code=code_like("363d3d373d3d3d363d73<A>5af43d82803e903d91602b57fd5bf3*"),
    fixed=True,
)
