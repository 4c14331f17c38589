"""Joins the stages of a case into what holds at one venue at one time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.drill.score.case import Stage


@dataclass(slots=True)
class Conditions:
    """What differs from usual at a venue now; the names are those of `Stage`."""

    surge: float = 1.0
    latency: float = 1.0
    latency_s: float = 0.0
    lag_s: float = 0.0
    failing: float = 0.0
    outcome: str = "timeout"
    cut: frozenset[str] = frozenset()
    mute: frozenset[str] = frozenset()
    planned: bool = False
    book_state: str = "ok"
    depth: float = 1.0
    spread: float = 1.0
    price: float = 1.0
    interest: float = 1.0
    withdrawals: float | None = None
    status: float | None = None
    status_title: str = ""
    ends_s: float | None = None
    network_down: bool = False
    nodes_down: bool = False


USUAL = Conditions()


def conditions(stages: Sequence[Stage], venue: str, at_s: float) -> Conditions:
    """What holds at a venue at a second of the case. Of states (outcome, words, wallets) the last stage that names one wins."""
    found = USUAL
    for stage in stages:
        if at_s < stage.from_s or (stage.venues and venue not in stage.venues):
            continue
        if found is USUAL:
            found = Conditions()
        _lasting(found, stage, at_s)
        if at_s < stage.until_s:
            _passing(found, stage, at_s)
    return found


def _lasting(found: Conditions, stage: Stage, at_s: float) -> None:
    done = min(1.0, (at_s - stage.from_s) / max(stage.until_s - stage.from_s, 1e-9))
    found.price *= 1.0 + (stage.price_to - 1.0) * done
    found.interest *= 1.0 + (stage.interest_to - 1.0) * done


def _passing(found: Conditions, stage: Stage, at_s: float) -> None:
    risen = 1.0 if stage.rise_s <= 0.0 else min(1.0, (at_s - stage.from_s) / stage.rise_s)
    found.surge *= 1.0 + (stage.surge - 1.0) * risen
    found.latency *= stage.latency
    found.latency_s += stage.latency_s
    found.lag_s += stage.lag_s
    found.depth *= stage.depth
    found.spread *= stage.spread
    found.cut |= frozenset(stage.cut)
    found.mute |= frozenset(stage.mute)
    found.planned |= stage.planned
    found.network_down |= stage.network_down
    found.nodes_down |= stage.nodes_down or stage.network_down
    if stage.failing > 0.0:
        found.failing, found.outcome = max(found.failing, stage.failing), stage.outcome
    if stage.book_state != "ok":
        found.book_state = stage.book_state
    if stage.withdrawals is not None:
        found.withdrawals = stage.withdrawals
    if stage.status is not None:
        found.status, found.status_title, found.ends_s = stage.status, stage.status_title, stage.until_s
