"""SolidState's diamond (EIP-2535) with a fallback: the code for every function that no facet serves, changed without a log.

Its place is the fourth word of the diamond's storage; the second place is that of the layout by ERC-7201.
"""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import ProxyKind, SlotSpec

FALLBACKS = (
    0x177481AC65E4292921C69F62D1CC7F57541261E5D61C8175CF4E36A01C9BFC96,
    0x85FB9346809A0D51894362FD6F50E7A5BA84526939921B0FF59F80250A25F203,
)

KIND = ProxyKind(
    name="solidstate",
    source="https://github.com/solidstate-network/solidstate-solidity",
    rank=33,
    slots=tuple(SlotSpec(role=Role.IMPLEMENTATION, slot=slot, with_table=True) for slot in FALLBACKS),
    tables=(
        "0x7a0ed627",  # facets()
    ),
    reads=(Role.TABLE, Role.IMPLEMENTATION),
)
