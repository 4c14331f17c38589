"""Clone with immutable arguments that takes plain ether itself (Solady's old LibClone)."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="cwia_solady",
    source="https://github.com/Vectorized/solady",
    rank=10,
    code=code_like(
        "36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff593da1005b363d3d373d3d3d3d61????806062363936013d73<A>5af43d3d93803e606057fd5bf3*"
    ),
    fixed=True,
)
