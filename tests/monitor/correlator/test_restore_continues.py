"""Tests that a correlator restored at twenty places of a log continues with the same digest, changes and memory."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.correlator import Correlator
from monitor.incidents import ChangeKind, Fault, IncidentChange
from monitor.signals import Signal
from tests.monitor.correlator.storm import DRILL, NETWORK, Story

CUTS = 20


def log() -> list[Signal]:
    """A log that fills every memory at once: a storm, a throttled feed, a gap, a reorg, our own network down, late signals."""
    story = Story(150, censoring="latest_per_second").trouble(30, 70, "alpha", "beta").surge(35, 70).upgrade(45)
    story.migrate(45).retract(90).mute(50, 80, "gamma/liquidation", f"{NETWORK}/chain").network_down(100, 112)
    signals = story.signals()
    late = [signals.pop(len(signals) * part // 10) for part in (3, 5, 7)]
    for one in late:
        place = next(
            index for index, other in enumerate(signals) if other.received_at >= one.received_at + timedelta(seconds=9)
        )
        signals.insert(place, one)
    return signals


LOG = log()


def whole() -> tuple[Correlator, list[IncidentChange]]:
    correlator = Correlator(DRILL)
    changes = [change for one in LOG for change in correlator.on_signal(one)]
    return correlator, [*changes, *correlator.finish()]


WHOLE, CHANGES = whole()


def test_the_log_contains_a_storm_its_end_late_signals_and_our_own_outage() -> None:
    assert {ChangeKind.OPENED, ChangeKind.RAISED, ChangeKind.ENDED} <= {one.kind for one in CHANGES}
    assert Fault.LOCAL in {one.fault for one in CHANGES}
    assert WHOLE.late == 3


@pytest.mark.parametrize("cut", range(CUTS))
@pytest.mark.slow
def test_a_correlator_restored_at_any_place_continues_as_if_it_had_not_stopped(cut: int) -> None:
    place = (2 * cut + 1) * len(LOG) // (2 * CUTS)
    first = Correlator(DRILL)
    changes = [change for one in LOG[:place] for change in first.on_signal(one)]
    second = Correlator.thaw(first.freeze())
    assert second.digest() == first.digest()
    assert second.late == first.late
    assert second.open_incidents() == first.open_incidents()
    changes += [change for one in LOG[place:] for change in second.on_signal(one)]
    changes += second.finish()
    assert second.digest() == WHOLE.digest()
    assert changes == CHANGES
    assert second.late == 3
    assert second.verdicts() == WHOLE.verdicts()
    assert second.freeze() == WHOLE.freeze()
