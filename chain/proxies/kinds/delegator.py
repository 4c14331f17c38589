"""Proxies with a getter for their target, in whichever slot it is: Compound's CErc20Delegator and GovernorBravoDelegator,
and many like them. They count where a call shows that the target's code runs.
"""

from __future__ import annotations

from chain.blocks.standards import NEW_IMPLEMENTATION
from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind

KIND = ProxyKind(
    name="delegator",
    source="https://github.com/compound-finance/compound-protocol",
    rank=55,
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0x5c60da1b", watched=True, proved=True),  # implementation()
        GetterSpec(role=Role.IMPLEMENTATION, body="0xaaf10f42", watched=True, proved=True),  # getImplementation()
        GetterSpec(role=Role.ADMIN, body="0xf851a440"),  # admin()
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=NEW_IMPLEMENTATION,
            position=1,
            old=0,
        ),  # NewImplementation(address,address)
    ),
)
