"""hardhat-deploy's EIP173Proxy: EIP-1967 slots, an owner after EIP-173, and log names of its own."""

from __future__ import annotations

from chain.blocks.standards import ADMIN_SLOT, IMPLEMENTATION_SLOT
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec, code_like

KIND = ProxyKind(
    name="eip173",
    source="https://github.com/wighawag/hardhat-deploy",
    rank=23,
    code=code_like("*5570d70a002632a7b0b3c9304cc89efb62d8da9eca0dbd7752c83b7379068296*"),  # the log's topic
    slots=(
        SlotSpec(
            role=Role.IMPLEMENTATION,
            slot=IMPLEMENTATION_SLOT,
            always=True,
        ),
        SlotSpec(role=Role.ADMIN, slot=ADMIN_SLOT, always=True),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x5570d70a002632a7b0b3c9304cc89efb62d8da9eca0dbd7752c83b7379068296",
            position=1,
        ),  # ProxyImplementationUpdated(address,address)
        LogSpec(
            role=Role.ADMIN,
            topic="0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0",
            position=1,
            confirmed=True,
        ),  # OwnershipTransferred(address,address)
    ),
    reads=(Role.IMPLEMENTATION, Role.ADMIN),
)
