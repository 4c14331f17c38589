"""Pendle's router: a facet for each function in a mapping of its own, without a loupe; one log for each function that is set.

The facet that sets the others has a place that can be computed: it is under the selector of setSelectorToFacets. It is read to
recognise a router, not in each block of each contract: few have one.
"""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import ProxyKind, SlotSpec

CORE = 0xF168C5B0CB4ACA9A68F931815C18A144C61AD01D6DD7CA15BD6741672A0AB800
"""ERC-7201 of pendle.routerv4.Core: owner, pending owner, mapping of facets."""

KIND = ProxyKind(
    name="pendle",
    source="https://github.com/pendle-finance/pendle-core-v2-public",
    rank=33,
    slots=(
        SlotSpec(
            role=Role.IMPLEMENTATION,
            slot=0x64DCB2031B93F2B828088D68228A52C10B3BF4EB531EE3DA663820F1B8FD2A6D,
            shared=True,
        ),
        SlotSpec(role=Role.ADMIN, slot=CORE, shared=True),
    ),
)
