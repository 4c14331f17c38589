"""OpenZeppelin's proxies before EIP-1967 (ZeppelinOS; USDC's is one)."""

from __future__ import annotations

from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="zos",
    source="https://github.com/OpenZeppelin/openzeppelin-sdk",
    rank=25,
    slots=(
        SlotSpec(role="implementation", slot=0x7050C9E0F4CA769C69BD3A8EF740BC37934F8E2C036E5A723FD8EE048ED3F8C3),
        SlotSpec(role="admin", slot=0x10D6A54A4754C8869D6886B5F5D7FBFA5B4522237EA5C60D11BC4E7A1FF9390B),
        SlotSpec(role="admin", slot=0x337C729C04082E3BDD94BA7D2B5A8A642F3A138702366A91707825373A2029BA),
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
    ),
)
