"""thirdweb's dynamic contracts (ERC-7504): a router with extensions, each with its functions; CoreRouter and BaseRouter."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import ProxyKind

KIND = ProxyKind(
    name="thirdweb",
    source="https://github.com/thirdweb-dev/dynamic-contracts",
    rank=35,
    tables=(
        "0x4a00cc48",  # getAllExtensions()
    ),
    reads=(Role.TABLE,),
)
