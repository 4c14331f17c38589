"""Proxies that name their target by a getter, wherever they keep it: Compound's CErc20Delegator and GovernorBravoDelegator,
and many of their form. Believed where a call shows that the target's code runs.
"""

from __future__ import annotations

from chain.proxies.kind import GetterSpec, LogSpec, ProxyKind

KIND = ProxyKind(
    name="delegator",
    source="https://github.com/compound-finance/compound-protocol",
    rank=55,
    calls=(
        GetterSpec(role="implementation", body="0x5c60da1b", watched=True, proved=True),  # implementation()
        GetterSpec(role="implementation", body="0xaaf10f42", watched=True, proved=True),  # getImplementation()
        GetterSpec(role="admin", body="0xf851a440"),  # admin()
    ),
    told=(
        LogSpec(
            role="implementation",
            topic="0xd604de94d45953f9138079ec1b82d533cb2160c906d1076d1f7ed54befbca97a",
            position=1,
            old=0,
        ),  # NewImplementation(address,address)
    ),
)
