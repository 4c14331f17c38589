"""Safe's proxy: the singleton stands in slot 0, changed by a delegated call, mostly without a log (the Bybit hack's path)."""

from __future__ import annotations

from chain.proxy import Call, ProxyKind, Slot, Told, code_like

KIND = ProxyKind(
    name="safe",
    source="https://github.com/safe-global/safe-smart-account",
    rank=20,
    code=code_like("*7fa619486e00000000000000000000000000000000000000000000000000000000*"),
    slots=(Slot(role="implementation", slot=0, shared=True),),
    calls=(
        Call(role="implementation", body="0xa619486e", watched=True),  # masterCopy()
    ),
    told=(
        Told(
            role="implementation",
            topic="0x75e41bc35ff1bf14d81d1d2f649c0084a0f974f9289c803ec9898eeec4c8d0b8",
            position=0,
        ),  # ChangedMasterCopy(address)
    ),
    by_itself=True,
)
