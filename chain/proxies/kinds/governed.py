"""Origin's proxies: EIP-1967 slot, and a governor in a slot of its own."""

from __future__ import annotations

from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="governed",
    source="https://github.com/OriginProtocol/origin-dollar",
    rank=27,
    slots=(
        SlotSpec(
            role="implementation",
            slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC,
            always=True,
        ),
        SlotSpec(role="admin", slot=0x7BEA13895FA79D2831E0A9E28EDEDE30099005A50D652D8957CF8A607EE6CA4A),
    ),
    told=(
        LogSpec(
            role="implementation",
            topic="0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
            position=0,
        ),  # Upgraded(address)
        LogSpec(
            role="admin",
            topic="0xc7c0c772add429241571afb3805861fb3cfa2af374534088b76cdb4325a87e9a",
            position=1,
            old=0,
        ),  # GovernorshipTransferred(address,address)
    ),
    reads=("implementation", "admin"),
)
