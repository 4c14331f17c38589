"""EIP-7760, Solady's ERC1967Factory: the factory alone may write the slot, and knows the admin of each of its proxies."""

from __future__ import annotations

from chain.blocks.standards import IMPLEMENTATION_SLOT
from chain.events import Role
from chain.proxies.kind import GetterSpec, ProxyKind, SlotSpec, code_like

KIND = ProxyKind(
    name="eip7760_transparent",
    source="https://eips.ethereum.org/EIPS/eip-7760",
    rank=12,
    code=code_like(
        "3d3d33<F>1460??57363d3d37363d7f360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc545af43d6000803e*"
    ),
    slots=(
        SlotSpec(
            role=Role.IMPLEMENTATION,
            slot=IMPLEMENTATION_SLOT,
            always=True,
        ),
    ),
    calls=(
        GetterSpec(role=Role.ADMIN, body="0x2abbef15<own>", of=Role.FACTORY),  # adminOf(address)
    ),
    reads=(Role.IMPLEMENTATION, Role.FACTORY),
)
