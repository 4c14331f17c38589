"""EIP-1967 beacon: the proxy asks another contract whom to delegate to."""

from __future__ import annotations

from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip1967_beacon",
    source="https://eips.ethereum.org/EIPS/eip-1967",
    rank=32,
    slots=(
        SlotSpec(role="beacon", slot=0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50, always=True),
    ),
    calls=(
        GetterSpec(role="implementation", body="0x5c60da1b", of="beacon", watched=True),  # implementation()
        GetterSpec(role="implementation", body="0xda525716", of="beacon", watched=True),  # childImplementation()
    ),
    told=(
        LogSpec(
            role="beacon", topic="0x1cf3b03a6cf19fa2baba4df148e9dcabedea7f8a5c07840e207e5c089be95d3e", position=0
        ),  # BeaconUpgraded(address)
        LogSpec(
            role="implementation",
            topic="0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
            position=0,
            of="beacon",
        ),  # Upgraded(address)
    ),
    reads=("beacon", "implementation"),
)
