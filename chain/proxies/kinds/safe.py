"""Safe's proxy: the singleton is in slot 0, changed by a delegated call, mostly without a log (the Bybit hack's path).

The code compares the selector of masterCopy(), pushed whole until version 1.4, short from 1.5.
"""

from __future__ import annotations

import re

from chain.events import Role
from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="safe",
    source="https://github.com/safe-global/safe-smart-account",
    rank=20,
    code=re.compile(rb"\x7f\xa6\x19\x48\x6e\x00{28}|\x63\xa6\x19\x48\x6e"),
    slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=0, proved=True),),
    calls=(
        GetterSpec(role=Role.IMPLEMENTATION, body="0xa619486e", watched=True, proved=True),  # masterCopy()
    ),
    logs=(
        LogSpec(
            role=Role.IMPLEMENTATION,
            topic="0x75e41bc35ff1bf14d81d1d2f649c0084a0f974f9289c803ec9898eeec4c8d0b8",
            position=0,
        ),  # ChangedMasterCopy(address)
    ),
    by_itself=True,
)
