"""EIP-1822, the first UUPS: slot keccak(PROXIABLE), no event of its own."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip1822",
    source="https://eips.ethereum.org/EIPS/eip-1822",
    rank=35,
    slots=(
        SlotSpec(role=Role.IMPLEMENTATION, slot=0xC5F16F0FCC639FA48A6947836D9850F504798523BF8C9A3A87D5876CF622BCF7),
    ),
)
