"""EIP-7760, Solady's minimal UUPS proxy: EIP-1967 slot, code without any function of its own."""

from __future__ import annotations

from chain.proxy import ProxyKind, Slot, Told, code_like

KIND = ProxyKind(
    name="eip7760_uups",
    source="https://eips.ethereum.org/EIPS/eip-7760",
    rank=12,
    code=code_like(
        "363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3*"
    ),
    slots=(
        Slot(
            role="implementation", slot=0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC, always=True
        ),
    ),
    told=(
        Told(
            role="implementation",
            topic="0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
            position=0,
        ),  # Upgraded(address)
    ),
)
