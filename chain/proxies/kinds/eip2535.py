"""EIP-2535, the diamond: a table of facets, one for each function, changed by cuts."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import GetterSpec, ProxyKind

KIND = ProxyKind(
    name="eip2535",
    source="https://eips.ethereum.org/EIPS/eip-2535",
    rank=34,
    calls=(
        GetterSpec(role=Role.ADMIN, body="0x8da5cb5b"),  # owner()
    ),
    tables=(
        "0x7a0ed627",  # facets()
    ),
    reads=(Role.TABLE,),
)
