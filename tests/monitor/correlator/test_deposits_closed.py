"""Deposits that close over every network of an asset are weak evidence of the venue leg; that they were always closed is none."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import deposits_closed
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment

OTHER = Subject(asset="BTC", venue="alpha", network="lightning")


def takes(lone: LoneProducer, second: float, deposits: Scalar, who: Subject = VENUE) -> None:
    lone.send(SignalKind.WALLET, second, 1.0, who, {"deposits": deposits})


def test_deposits_that_close_move_the_venue_leg_alone() -> None:
    lone = LoneProducer("deposits_closed")
    takes(lone, 0, True)
    takes(lone, 60, False)
    takes(lone, 120, False)
    lone.complete(121)
    found = lone.only()
    assert (found.grade, found.onset, found.said) == (1, moment(60), "alpha takes no deposits of BTC any more")
    assert lone.nats(Leg.VENUE, 120) > -1.0


@pytest.mark.parametrize("states", [(True, True), (False, False), (True, None), (None, False)])
def test_open_unknown_or_always_closed_deposits_are_no_finding(states: tuple[Scalar, ...]) -> None:
    lone = LoneProducer("deposits_closed")
    for place, state in enumerate(states):
        takes(lone, 60.0 * place, state)
    assert lone.evidence == []
    assert lone.nats(Leg.VENUE, 120) == -1.0


def test_one_network_that_takes_deposits_suffices() -> None:
    lone = LoneProducer("deposits_closed")
    takes(lone, 0, True)
    takes(lone, 1, True, OTHER)
    takes(lone, 60, False)
    assert lone.evidence == []


def test_deposits_that_open_again_withdraw_it() -> None:
    lone = LoneProducer("deposits_closed")
    takes(lone, 0, True)
    takes(lone, 60, False)
    takes(lone, 120, True)
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deposits_closed, "MAX_WALLETS", 2)
    monkeypatch.setattr(deposits_closed, "MAX_NETWORKS", 2)
    lone = LoneProducer("deposits_closed")
    takes(lone, 0, True, Subject(venue="alpha"))
    for number in range(5):
        takes(lone, 0, True, Subject(asset="BTC", venue=f"v{number}"))
        takes(lone, 0, True, Subject(asset="BTC", venue="v4", network=f"n{number}"))
    wallets = lone.producer._wallets  # type: ignore[attr-defined]
    assert len(wallets) == 2
    assert len(wallets["BTC", "v4"].takes) == 2
