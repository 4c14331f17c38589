"""StarkWare's proxy: its own slot, an upgrade announced and delayed, governors without a getter."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="starkware",
    source="https://github.com/starkware-libs/starkex-contracts",
    rank=26,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=0x177667240AEEEA7E35EABE3A35E18306F336219E1386F7710A6BF8783F761B24),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0xff14288d542bc1c1d15a652cb52af735f065c0c9d70b48e454a203c260733544",
            position=0,
        ),  # ImplementationUpgraded(address,bytes)
        LogSpec(
            role=Role.PENDING, topic="0x723a7080d63c133cf338e44e00705cc1b7b2bde7e88d6218a8d62710a329ce1b", position=0
        ),  # ImplementationAdded(address,bytes,bool)
    ),
)
