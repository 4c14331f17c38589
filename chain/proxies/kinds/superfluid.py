"""Superfluid's UUPS: EIP-1967 slot, told by CodeUpdated, answers getCodeAddress."""

from __future__ import annotations

from chain.proxies.kind import LogSpec, Proof, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="superfluid",
    source="https://github.com/superfluid-finance/protocol-monorepo",
    rank=28,
    slots=(
        SlotSpec(
            role="implementation", slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC, always=True
        ),
    ),
    told=(
        LogSpec(
            role="implementation",
            topic="0xe011bc04c286c344a8fcbb8de77f953da762c3e25d8cdea984147fc4168a5dcc",
            position=1,
        ),  # CodeUpdated(bytes32,address)
    ),
    proofs=(
        Proof(body="0x50d75d25"),  # getCodeAddress()
    ),
)
