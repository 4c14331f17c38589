"""What a feed claims decides what it covers: a channel counts by its own proof, and a sibling's frame proves the socket alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as changed

from monitor.correlator import CorrelatorSettings
from monitor.correlator.coverage import MAX_CLAIMS, Coverage
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import receive, signal

FEED = "alpha/liquidation"


def claim(
    second: float, covers: bool, state: str, asset: str | None = "BTC", main: bool = True, reason: str = ""
) -> Signal:
    one = signal(
        SignalKind.CLAIM, second, FEED, float(covers), channel="liquidations", state=state, main=main, reason=reason
    )
    instrument = None if asset is None else f"{asset}USDT"
    return changed(one, subject=changed(one.subject, asset=asset, instrument=instrument))


def watching(*assets: str) -> Coverage:
    sources = Coverage()
    for asset in assets or ("BTC",):
        one = signal(SignalKind.EXPECT, 0, FEED, 15.0, leg="liquidation")
        receive(sources, changed(one, subject=changed(one.subject, asset=asset)))
    return sources


def seen(sources: Coverage, second: float, asset: str = "BTC") -> float:
    return sources.of_leg(asset, Leg.LIQUIDATION, at(second).timestamp())[0]


def pulse(sources: Coverage, second: float) -> None:
    receive(sources, signal(SignalKind.FEED_PULSE, second, FEED))


def test_a_feed_without_claims_lacks_none() -> None:
    assert watching().by_name[FEED].claimed("BTC") == 1.0


def test_a_feed_without_claims_is_covered_by_its_signs_of_life_as_before() -> None:
    sources = watching()
    pulse(sources, 5)
    assert seen(sources, 10) == 1.0


@pytest.mark.parametrize("state", ["asked", "refused", "silent", "ended"])
def test_a_channel_without_proof_is_uncovered_while_its_siblings_speak(state: str) -> None:
    sources = watching()
    receive(sources, claim(1, False, state, reason="no such channel"))
    for second in range(1, 60):
        pulse(sources, second)
        assert seen(sources, second) == 0.0
    ((source, own),) = sources.of_leg("BTC", Leg.LIQUIDATION, at(59).timestamp())[1]
    assert own == 0.0
    assert source.why(at(59).timestamp(), "BTC") == f"liquidations {state} no such channel"
    assert source.since_s(at(59).timestamp(), "BTC") == at(1).timestamp()


def test_a_channel_that_speaks_is_covered_while_its_socket_lives() -> None:
    sources = watching()
    receive(sources, claim(1, False, "asked"))
    receive(sources, claim(2, True, "speaking"))
    pulse(sources, 3)
    assert seen(sources, 5) == 1.0
    assert seen(sources, 33) == pytest.approx(0.36788, abs=1e-5), "a claim does not replace the pulse of its socket"


def test_a_channel_that_is_only_acknowledged_covers_less_than_calm_needs_until_it_speaks() -> None:
    sources = watching()
    receive(sources, claim(1, True, "acknowledged"))
    pulse(sources, 2)
    assert 0.0 < seen(sources, 3) < CorrelatorSettings().false_coverage
    ((source, _),) = sources.of_leg("BTC", Leg.LIQUIDATION, at(3).timestamp())[1]
    assert source.why(at(3).timestamp(), "BTC") == "liquidations acknowledged but has not spoken"
    receive(sources, claim(3, True, "speaking"))
    assert seen(sources, 4) == 1.0
    receive(sources, claim(4, True, "acknowledged", reason="nothing for 100 s"))
    assert 0.0 < seen(sources, 5) < CorrelatorSettings().false_coverage
    assert source.why(at(5).timestamp(), "BTC") == "liquidations acknowledged nothing for 100 s"


def test_of_several_channels_the_one_that_is_seen_least_is_named() -> None:
    sources = watching()
    receive(sources, claim(1, True, "acknowledged"))
    other = claim(2, False, "refused")
    receive(sources, changed(other, subject=changed(other.subject, instrument="BTC-PERP")))
    assert sources.by_name[FEED].why(at(3).timestamp(), "BTC") == "liquidations refused"


def test_a_claim_is_no_sign_of_life_and_heals_no_closed_socket() -> None:
    sources = watching()
    receive(sources, signal(SignalKind.FEED_CLOSED, 1, FEED, planned=False))
    receive(sources, claim(2, True, "speaking"))
    assert seen(sources, 3) == 0.0
    assert sources.by_name[FEED].why(at(3).timestamp(), "BTC") == "closed"
    assert sources.by_name[FEED].since_s(at(3).timestamp(), "BTC") == at(1).timestamp()


def test_a_refused_instrument_uncovers_its_own_asset_and_no_other() -> None:
    sources = watching("BTC", "ETH")
    receive(sources, claim(1, True, "speaking", "BTC"))
    receive(sources, claim(1, False, "refused", "ETH"))
    pulse(sources, 2)
    assert (seen(sources, 3, "BTC"), seen(sources, 3, "ETH")) == (1.0, 0.0)
    source = sources.by_name[FEED]
    assert sources.seen(source, at(3).timestamp()) == 0.5, "of the venue as a whole, half"


def test_a_channel_of_the_whole_venue_covers_each_asset() -> None:
    sources = watching("BTC", "ETH")
    receive(sources, claim(1, True, "speaking", None))
    pulse(sources, 2)
    assert (seen(sources, 3, "BTC"), seen(sources, 3, "ETH")) == (1.0, 1.0)


def test_channels_of_the_whole_venue_count_beside_those_of_one_asset() -> None:
    sources = watching("BTC", "ETH")
    receive(sources, claim(1, True, "speaking", "BTC"))
    pulse(sources, 2)
    assert (seen(sources, 3, "BTC"), seen(sources, 3, "ETH")) == (1.0, 0.0)
    receive(sources, claim(3, False, "refused", None))
    assert (seen(sources, 3, "BTC"), seen(sources, 3, "ETH")) == (0.5, 0.0)
    receive(sources, claim(3, True, "speaking", None))
    assert (seen(sources, 3, "BTC"), seen(sources, 3, "ETH")) == (1.0, 1.0)


def test_a_channel_that_is_said_of_another_asset_covers_that_one_alone() -> None:
    sources = watching("BTC", "ETH")
    receive(sources, claim(1, True, "speaking", "BTC"))
    pulse(sources, 2)
    assert (seen(sources, 3, "BTC"), seen(sources, 3, "ETH")) == (1.0, 0.0)
    one = claim(3, True, "speaking", "BTC")
    receive(sources, changed(one, subject=changed(one.subject, asset="ETH")))
    assert (seen(sources, 3, "BTC"), seen(sources, 3, "ETH")) == (0.0, 1.0)


def test_company_on_the_socket_of_a_channel_is_no_part_of_its_coverage() -> None:
    sources = watching()
    receive(sources, claim(1, True, "speaking"))
    receive(sources, changed(claim(1, False, "refused", main=False), value=0.0))
    pulse(sources, 2)
    assert seen(sources, 3) == 1.0


def test_an_asset_for_which_nothing_was_asked_is_not_covered() -> None:
    sources = watching("BTC", "ETH")
    receive(sources, claim(1, True, "speaking", "BTC"))
    pulse(sources, 2)
    assert seen(sources, 3, "ETH") == 0.0
    assert sources.by_name[FEED].why(at(3).timestamp(), "ETH") == "nothing was asked for"


def test_the_claims_of_a_source_are_bounded() -> None:
    sources = watching()
    for number in range(MAX_CLAIMS + 10):
        receive(sources, claim(1, True, "speaking", f"X{number}"))
    assert len(sources.by_name[FEED].claims) == MAX_CLAIMS
    receive(sources, claim(2, False, "silent", "X0"))
    assert sources.by_name[FEED].claimed("X0") == 0.0, "a known one is still followed"


def test_malformed_messages_are_no_sign_of_life() -> None:
    sources = watching()
    receive(sources, signal(SignalKind.MALFORMED, 20, FEED, 3.0, reason="side"))
    assert sources.by_name[FEED].last_s == at(0).timestamp()
