"""EIP-1967 beacon: the proxy asks another contract for its target."""

from __future__ import annotations

from chain.blocks.standards import BEACON_SLOT, BEACON_UPGRADED, UPGRADED
from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip1967_beacon",
    source="https://eips.ethereum.org/EIPS/eip-1967",
    rank=32,
    slots=(SlotSpec(role=Role.BEACON, slot=BEACON_SLOT, always=True),),
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0x5c60da1b", of=Role.BEACON, watched=True),  # implementation()
        GetterSpec(role=Role.IMPLEMENTATION, body="0xda525716", of=Role.BEACON, watched=True),  # childImplementation()
    ),
    logs=(
        LogSpec(role=Role.BEACON, topic=BEACON_UPGRADED, position=0),  # BeaconUpgraded(address)
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
            of=Role.BEACON,
        ),  # Upgraded(address)
    ),
    reads=(Role.BEACON, Role.IMPLEMENTATION),
)
