"""Compound's Unitroller: the admin names a pending implementation, which accepts. Slots 2 and 3."""

from __future__ import annotations

from chain.proxy import Call, Proof, ProxyKind, Slot, Told

KIND = ProxyKind(
    name="unitroller",
    source="https://github.com/compound-finance/compound-protocol",
    rank=40,
    slots=(
        Slot(role="admin", slot=0, shared=True),
        Slot(role="implementation", slot=2, shared=True),
        Slot(role="pending", slot=3, shared=True),
    ),
    calls=(
        Call(role="implementation", body="0xbb82aa5e", watched=True),  # comptrollerImplementation()
        Call(role="pending", body="0xdcfbc0c7", watched=True),  # pendingComptrollerImplementation()
    ),
    told=(
        Told(
            role="implementation",
            topic="0xd604de94d45953f9138079ec1b82d533cb2160c906d1076d1f7ed54befbca97a",
            position=1,
        ),  # NewImplementation(address,address)
        Told(
            role="pending", topic="0xe945ccee5d701fc83f9b8aa8ca94ea4219ec1fcbd4f4cab4f0ea57c5c3e1d815", position=1
        ),  # NewPendingImplementation(address,address)
        Told(
            role="admin", topic="0xf9ffabca9c8276e99321725bcb43fb076a6c66a54b7f21c4e8146d8519b417dc", position=1
        ),  # NewAdmin(address,address)
    ),
    proofs=(
        Proof(body="0xbb82aa5e"),  # comptrollerImplementation()
    ),
)
