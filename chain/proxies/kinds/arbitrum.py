"""Arbitrum's proxy with two targets: one for the admin's calls (EIP-1967 slot), one for everybody's."""

from __future__ import annotations

from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="arbitrum",
    source="https://github.com/OffchainLabs/nitro-contracts",
    rank=27,
    slots=(
        SlotSpec(
            role="implementation", slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC, always=True
        ),
        SlotSpec(role="admin", slot=0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103, always=True),
        SlotSpec(role="secondary", slot=0x2B1DBCE74324248C222F0EC2D5ED7BD323CFC425B336F0253C5CCFDA7265546D),
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
            role="secondary", topic="0xf7eed2a7fabbf1bec8d55ed5e785cc76622376dde5df4ff15470551e030b8134", position=0
        ),  # UpgradedSecondary(address)
    ),
    reads=("implementation", "secondary"),
)
