"""EIP-7760, Solady's minimal UUPS proxy: EIP-1967 slot, code without any function of its own, or with one that answers the
target to calls of one byte (the "I" form).
"""

from __future__ import annotations

import re

from chain.blocks.standards import IMPLEMENTATION_SLOT, UPGRADED
from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip7760_uups",
    source="https://eips.ethereum.org/EIPS/eip-7760",
    rank=12,
    code=re.compile(
        rb"\A(\x36\x58\x14\x60\x43\x57)?\x36\x3d\x3d\x37\x3d\x3d\x36\x3d\x7f"
        + re.escape(bytes.fromhex("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"))
        + rb"\x54\x5a\xf4\x3d\x60\x00\x80\x3e\x60.\x57\x3d\x60\x00\xfd\x5b\x3d\x60\x00\xf3",
        re.DOTALL,
    ),
    slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=IMPLEMENTATION_SLOT, always=True),),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic=UPGRADED,
            position=0,
        ),  # Upgraded(address)
    ),
)
