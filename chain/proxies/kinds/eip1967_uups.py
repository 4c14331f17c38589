"""EIP-1967 slot, upgraded by the implementation's own code (UUPS): it answers proxiableUUID with that slot."""

from __future__ import annotations

from chain.proxies.kind import LogSpec, Proof, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="eip1967_uups",
    source="https://eips.ethereum.org/EIPS/eip-1822",
    rank=31,
    slots=(
        SlotSpec(
            role="implementation", slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC, always=True
        ),
    ),
    told=(
        LogSpec(
            role="implementation",
            topic="0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
            position=0,
        ),  # Upgraded(address)
    ),
    proofs=(
        Proof(
            body="0x52d1902d",
            of="implementation",
            words=frozenset({0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC}),
        ),  # proxiableUUID()
    ),
)
