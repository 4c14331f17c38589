"""Clone with immutable arguments that takes plain ether itself (0xSplits)."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="cwia_splits",
    source="https://github.com/0xSplits/splits-utils",
    rank=10,
    code=code_like(
        "36602f57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff60203da13d3df35b3d3d3d3d363d3d3761????606736393661????013d73<A>5af43d3d93803e606557fd5bf3*"
    ),
    fixed=True,
)
