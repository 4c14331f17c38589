"""EIP-1538, the transparent contract standard (withdrawn for EIP-2535): one delegate for each function."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import GetterSpec, ProxyKind

KIND = ProxyKind(
    name="eip1538",
    source="https://eips.ethereum.org/EIPS/eip-1538",
    rank=45,
    calls=(
        GetterSpec(
            role=Role.IMPLEMENTATION, body="0x4ea8da066145556700000000000000000000000000000000000000000000000000000000"
        ),  # delegateAddress(bytes4) of updateContract(address,string,string)
    ),
    reads=(Role.IMPLEMENTATION,),
)
