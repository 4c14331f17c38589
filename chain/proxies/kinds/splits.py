"""0xSplits' clone: takes plain ether itself, delegates all else."""

from __future__ import annotations

from chain.proxies.kind import ProxyKind, code_like

KIND = ProxyKind(
    name="splits",
    source="https://github.com/0xSplits/splits-contracts",
    rank=10,
    code=code_like(
        "36603057343d52307f830d2d700a97af574b186c80d40429385d24241565b08a7c559ba283a964d9b160203da23d3df35b3d3d3d3d363d3d37363d73<A>5af43d3d93803e605b57fd5bf3"
    ),
    fixed=True,
)
