"""Withdrawals that were closed before we first looked count: nothing can leave there. What was ever seen open is no such case."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import closed_before
from monitor.incidents import Leg
from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

OTHER = Subject(asset="BTC", venue="alpha", network="lightning")


def declared(*levels: float, other: float | None = None) -> LoneProducer:
    """A venue that declares these levels once a minute."""
    lone = LoneProducer("closed_before")
    for place, level in enumerate(levels):
        lone.send(SignalKind.WALLET, 60.0 * place, level)
        if other is not None:
            lone.send(SignalKind.WALLET, 60.0 * place, other, OTHER)
    lone.complete(60.0 * len(levels))
    return lone


def test_what_was_closed_at_the_first_look_moves_the_venue_leg_alone() -> None:
    lone = declared(0.0, 0.0, 0.0)
    found = lone.only()
    assert (found.name, found.leg, found.grade, found.onset) == ("closed_before", Leg.VENUE, 2, moment(0))
    assert found.said == "alpha withdrawals of BTC were closed before we looked (bitcoin)"
    assert lone.nats(Leg.VENUE, 120) > 0


@pytest.mark.parametrize("levels", [(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (0.0,)])
def test_what_was_seen_open_or_only_once_is_no_finding(levels: tuple[float, ...]) -> None:
    lone = declared(*levels)
    assert lone.evidence == []
    assert lone.nats(Leg.VENUE, 120) == -1.0


def test_one_open_network_is_a_way_out() -> None:
    assert declared(0.0, 0.0, 0.0, other=1.0).evidence == []


def test_every_network_is_named() -> None:
    assert declared(0.0, 0.0, other=0.0).only().said.endswith("(bitcoin, lightning)")


def test_what_opens_withdraws_it() -> None:
    lone = declared(0.0, 0.0, 0.0)
    lone.send(SignalKind.WALLET, 180, 1.0)
    assert lone.evidence == []


def test_after_four_hours_it_is_the_usual_state() -> None:
    lone = LoneProducer("closed_before")
    lone.send(SignalKind.WALLET, 0, 0.0)
    lone.send(SignalKind.WALLET, 14_401, 0.0)
    assert lone.evidence == []


def test_a_wallet_of_no_asset_or_no_venue_says_nothing() -> None:
    lone = LoneProducer("closed_before")
    for second in (0, 120):
        lone.send(SignalKind.WALLET, second, 0.0, Subject(venue="alpha"))
        lone.send(SignalKind.WALLET, second, 0.0, Subject(asset="BTC"))
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_before, "MAX_WALLETS", 2)
    monkeypatch.setattr(closed_before, "MAX_NETWORKS", 2)
    lone = LoneProducer("closed_before")
    for number in range(5):
        lone.send(SignalKind.WALLET, 0, 0.0, Subject(asset="BTC", venue=f"v{number}"))
    for number in range(5):
        lone.send(SignalKind.WALLET, 1, 0.0, Subject(asset="BTC", venue="v4", network=f"n{number}"))
    wallets = lone.producer._wallets  # type: ignore[attr-defined]
    assert list(wallets) == [("BTC", "v3"), ("BTC", "v4")]
    assert len(wallets["BTC", "v4"].closed) == 2
