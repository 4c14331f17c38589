"""EIP-7546, UCS: a dictionary contract names an implementation for each function."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip7546",
    source="https://eips.ethereum.org/EIPS/eip-7546",
    rank=36,
    slots=(SlotSpec(role=Role.DICTIONARY, slot=0x267691BE3525AF8A813D30DB0C9E2BAD08F63BAECF6DCEB85E2CF3676CFF56F4),),
    logs=(
        LogSpec(
            role=Role.DICTIONARY, topic="0xa657f2ad315cf3bb35cf1964158da75c3f334481df05a4a1644b2376b17a59b2", position=0
        ),  # DictionaryUpgraded(address)
    ),
    reads=(Role.DICTIONARY,),
)
