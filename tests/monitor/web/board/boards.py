"""Boards as tests need them: a storm on BTC with everything that can be shown, and many assets and venues."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from monitor.correlator.coverage import SourceSight
from monitor.incidents import ChangeKind, IncidentState, Level, Verdict
from monitor.web.board.contents import Contents
from tests.monitor.alerting.sinks.changes import change, verdict
from tests.monitor.cli.test_exits import capacity
from tests.monitor.web.answers import answered

AT = datetime(2026, 1, 1, 12, 2, tzinfo=UTC)


def sight(name: str, seen: float = 1.0, reason: str = "", claims: tuple[int, int] = (0, 0)) -> SourceSight:
    """One source."""
    since_s = None if seen >= 1 else AT.timestamp() - 60
    return SourceSight(name=name, seen=seen, reason=reason, since_s=since_s, claims=claims[1], claims_seen=claims[0])


def storm() -> Contents:
    """An open storm on BTC, an ended squall on ETH, a database that is away."""
    ended = change(
        2, incident_id="asset-eth-1", scope="asset:ETH", kind=ChangeKind.ENDED, state=IncidentState.ENDED, level=Level.CALM,
        peak=Level.SQUALL, pages=False, headline="CALM ETH",
    )  # fmt: skip
    return Contents(
        at=AT,
        vantage="tokyo",
        ready=answered("database is away"),
        verdicts={"BTC": verdict(), "ETH": replace(verdict(), asset="ETH", level=Level.CALM, blind=())},
        exits={"BTC": capacity()},
        sources=(
            sight("binance_usdm/liquidation", 0.0, "silent on an open socket"),
            sight("binance_usdm/book", 1.0, claims=(3, 4)),
            sight("ethereum/chain"),
        ),
        incidents=([change(1), replace(change(2, exit=capacity()), kind=ChangeKind.RAISED)], [ended]),
        delivered={"desk": {"delivered": 3, "refused": 0}},
    )


def large(assets: int, venues: int) -> Contents:
    """So many assets at so many venues, all in the storm's state."""
    verdicts: dict[str, Verdict] = {f"A{n:03}": replace(verdict(), asset=f"A{n:03}") for n in range(assets)}
    names = ("book", "liquidation", "trades", "status", "withdrawals", "latency", "open_interest", "funding")
    return replace(
        storm(),
        verdicts=verdicts,
        exits={name: replace(capacity(), asset=name) for name in verdicts},
        sources=tuple(sight(f"venue{n:02}/{name}", claims=(180, 200)) for n in range(venues) for name in names),
    )
