"""Aave's proxies: EIP-1967 slot, and an admin that stands in the code and cannot change."""

from __future__ import annotations

import re

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
            role="implementation",
            slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC,
            always=True,
        ),
    ),
    told=(
        LogSpec(
            role="implementation",
            topic="0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
            position=0,
        ),  # Upgraded(address)
    ),
    reads=("implementation", "admin"),
)
