"""Celo's proxy: EIP-1967 slots, and names of its own for logs and getters."""

from __future__ import annotations

from chain.proxies.kind import LogSpec, Proof, ProxyKind, SlotSpec

KIND = ProxyKind(
    name="celo",
    source="https://github.com/celo-org/celo-monorepo",
    rank=22,
    slots=(
        SlotSpec(
            role="implementation",
            slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC,
            always=True,
        ),
        SlotSpec(role="admin", slot=0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103, always=True),
    ),
    told=(
        LogSpec(
            role="implementation",
            topic="0xab64f92ab780ecbf4f3866f57cee465ff36c89450dcce20237ca7a8d81fb7d13",
            position=0,
        ),  # ImplementationSet(address)
        LogSpec(
            role="admin", topic="0x50146d0e3c60aa1d17a70635b05494f864e86144a2201275021014fbf08bafe2", position=0
        ),  # OwnerSet(address)
    ),
    proofs=(
        Proof(body="0x42404e07"),  # _getImplementation()
    ),
)
