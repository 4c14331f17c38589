"""Aave's proxies: EIP-1967 slot, and an admin that is in the code and cannot change."""

from __future__ import annotations

import re

from chain.blocks.standards import IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="immutable_admin",
    source="https://github.com/aave/aave-v3-core",
    rank=33,
    code=re.compile(
        rb"\A(?=.*\x63\x36\x59\xcf\xe6)(?=.*\x63\xf8\x51\xa4\x40)"  # upgradeTo(address), admin()
        rb".*?\x7f\x00{12}(?P<admin>.{20})[\x14\x16]",
        re.DOTALL,
    ),
    slots=(
        SlotSpec(
            role=Role.IMPLEMENTATION,
            slot=IMPLEMENTATION_SLOT,
            always=True,
        ),
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
    ),
    reads=(Role.IMPLEMENTATION, Role.ADMIN),
)
