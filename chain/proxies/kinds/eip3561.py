"""EIP-3561, trust minimised: the next logic waits in a slot of its own before it takes effect."""

from __future__ import annotations

from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip3561",
    source="https://eips.ethereum.org/EIPS/eip-3561",
    rank=26,
    slots=(
        SlotSpec(
            role="implementation", slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC, always=True
        ),
        SlotSpec(role="admin", slot=0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103, always=True),
        SlotSpec(role="pending", slot=0x19E3FABE07B65998B604369D85524946766191AC9434B39E27C424C976493685),
    ),
    told=(
        LogSpec(
            role="implementation",
            topic="0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
            position=0,
        ),  # Upgraded(address)
        LogSpec(
            role="admin", topic="0x7e644d79422f17c01e4894b5f4f588d331ebfa28653d42ae832dc59e38c9798f", position=1
        ),  # AdminChanged(address,address)
        LogSpec(
            role="pending", topic="0x449860c58a6ce7acb79bbc76727c717d9688a32a8b2bd805b1deb61e5afa5c4d", position=0
        ),  # NextLogicDefined(address,uint256)
    ),
    reads=("implementation", "pending"),
)
