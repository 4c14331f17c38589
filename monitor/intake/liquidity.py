"""What the chain's events about liquidity are as signals: kind, value and attributes. Pure."""

from __future__ import annotations

from chain.events import LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PoolDepth
from monitor.signals import Scalar, SignalKind

LiquidityEvent = LiquidityMoved | LiquidityMigrated | LiquidityAccounted | PoolDepth
TOLD_TOKENS = 2
"""Depth is told of a pool's first two tokens."""


def said_of_liquidity(event: LiquidityEvent) -> tuple[SignalKind, float, dict[str, Scalar]]:
    """The signal's kind, value and own attributes."""
    match event:
        case LiquidityMoved():
            kind = SignalKind.LIQUIDITY_REMOVED if event.removed else SignalKind.LIQUIDITY_ADDED
            shares = [one.moved / one.token_before for one in event.depth if one.token_before]
            return kind, event.share, {"owner": event.owner, "depth_share": max(shares, default=None)}
        case LiquidityMigrated():
            return SignalKind.MIGRATION, event.share, {
                "from_pool": event.from_pool, "to_pool": event.to_pool, "token": event.token, "score": event.score,
                "from_kind": event.from_kind, "to_kind": event.to_kind, "depth_share": event.depth_share,
            }  # fmt: skip
        case LiquidityAccounted():
            parts = {"readded": event.readded, "to_wallets": event.to_wallets, "to_bridges": event.to_bridges}
            said: dict[str, Scalar] = {name: part / event.removed for name, part in parts.items()}
            to_pool, to_kind, units = event.into[0] if event.into else (None, None, 0)
            return SignalKind.LIQUIDITY_ACCOUNTED, event.unexplained / event.removed, {
                "token": event.token, "removed": float(event.removed), **said, "level": event.level,
                "from_kind": event.pool_kind, "to_pool": to_pool, "to_kind": to_kind,
                "to_share": units / event.removed, "to_pools": len(event.into),
                "depth_share": event.depth_share, "hhi_before": event.hhi_before, "hhi_after": event.hhi_after,
            }  # fmt: skip
        case PoolDepth():
            return SignalKind.POOL_DEPTH, max(one.share for one in event.tokens), _depths(event)


def _depths(event: PoolDepth) -> dict[str, Scalar]:
    said: dict[str, Scalar] = {"tick": event.tick}
    for at, one in enumerate(event.tokens[:TOLD_TOKENS]):
        said |= {
            f"token{at}": one.token, f"reserve{at}": float(one.reserve), f"depth{at}_1": float(one.within_1),
            f"depth{at}_2": float(one.within_2), f"depth{at}_5": float(one.within_5), f"share{at}": one.share,
        }  # fmt: skip
    return said
