"""A target that the operator named is a subject of its own: its failures are one incident, and weigh for what depends on it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from monitor.correlator import Correlator
from monitor.correlator.coverage import Coverage
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import ChangeKind, Fault, IncidentChange, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
TARGET = "target:rpc"
VENUES = ("alpha", "beta", "gamma", "delta")


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def expect(asset: str, venue: str, kind: str, weight: float = 1.0) -> Signal:
    attributes: dict[str, Scalar] = {"leg": "venue", "weight": weight, "class": kind}
    return Signal(
        SignalKind.EXPECT, Subject(asset=asset, venue=venue), at(0), at(0), f"{venue}/http", 1, 6.0, attributes
    )


def request(venue: str, second: float, outcome: str = "ok", detail: str | None = None) -> Signal:
    attributes: dict[str, Scalar] = {"check": "http", "outcome": outcome, "ours": False}
    if detail is not None:
        attributes["detail"] = detail
    return Signal(
        SignalKind.REQUEST, Subject(venue=venue), at(second), at(second), f"{venue}/http", int(second), 0.1, attributes
    )


def control(second: float, outcome: str = "ok") -> Signal:
    attributes: dict[str, Scalar] = {"target": "neutral", "outcome": outcome}
    return Signal(
        SignalKind.CONTROL, Subject(), at(second), at(second), "control/neutral", int(second), 0.1, attributes
    )


def run(signals: Iterable[Signal]) -> tuple[Correlator, list[IncidentChange]]:
    correlator = Correlator(CorrelatorSettings())
    changes: list[IncidentChange] = []
    for signal in sorted(signals, key=lambda one: one.event_time):
        changes += correlator.on_signal(signal)
    changes += correlator.finish()
    return correlator, changes


def day(target_outcome: str, others: str = "ok", seconds: int = 120) -> list[Signal]:
    signals = [expect("BTC", venue, "rest") for venue in VENUES]
    signals += [expect("ETH", venue, "rest") for venue in VENUES]
    signals.append(expect("ETH", TARGET, "target"))
    for second in range(1, seconds, 3):
        signals += [request(venue, second, others) for venue in VENUES]
        signals.append(control(second, others))
        signals.append(request(TARGET, second, target_outcome, "HTTP 500; allowed: 200"))
    return signals


def test_a_failing_target_is_one_incident_of_its_own_scope_with_the_reason() -> None:
    _, changes = run(day("unmet"))

    opened = changes[0]
    assert {one.scope for one in changes} == {TARGET}
    assert (opened.kind, opened.level, opened.fault) == (ChangeKind.OPENED, Level.WATCH, Fault.VENUE)
    assert opened.headline.startswith("WATCH target:rpc: fails 100% of requests")
    assert "last: HTTP 500; allowed: 200" in opened.headline
    assert "affects 1 asset: ETH" in opened.headline


def test_a_target_that_answers_as_it_should_is_no_incident() -> None:
    assert run(day("ok"))[1] == []


def test_a_failure_weighs_only_for_the_assets_that_depend_on_it() -> None:
    correlator, _ = run(day("unmet"))
    found = {
        asset: {part.name: part.nats for leg in one.legs for part in leg.contributions}
        for asset, one in correlator.verdicts().items()
    }

    assert "venue_failures" not in found["BTC"]
    assert found["ETH"]["venue_failures"] > 0.5


def test_a_failing_target_beside_one_failing_venue_of_three_is_no_fault_of_the_market() -> None:
    three = VENUES[:3]
    signals = [expect("ETH", venue, "rest") for venue in three] + [expect("ETH", TARGET, "target")]
    for second in range(1, 120, 3):
        signals += [request(venue, second, "overloaded" if venue == "alpha" else "ok") for venue in three]
        signals += [control(second), request(TARGET, second, "unmet", "HTTP 500")]
    correlator, changes = run(signals)

    assert {one.scope for one in changes} == {"venue:alpha", TARGET}
    assert correlator.verdicts()["ETH"].fault is Fault.VENUE


def test_when_everything_fails_in_transport_the_fault_is_our_own_network_and_not_the_targets() -> None:
    _, changes = run(day("timeout", others="timeout"))

    assert [one.scope for one in changes] == ["vantage:local"]
    assert changes[0].fault is Fault.LOCAL


def test_a_target_reached_from_another_vantage_is_a_fault_of_the_path() -> None:
    def seen_from(vantage: str, signals: Iterable[Signal]) -> list[Signal]:
        return [
            Signal(
                one.kind, Subject(asset=one.subject.asset, venue=one.subject.venue, vantage=vantage), one.event_time,
                one.received_at, one.source, one.seq, one.value, one.attributes,
            )
            for one in signals
        ]  # fmt: skip

    good = [one for one in day("ok") if one.source == f"{TARGET}/http" and one.kind is SignalKind.REQUEST]
    _, changes = run([*seen_from("here", day("timeout")), *seen_from("there", good)])

    assert [one.fault for one in changes if one.scope == TARGET][-1] is Fault.PATH


def test_an_incident_of_a_target_is_continued_by_the_next_program() -> None:
    _, changes = run(day("unmet"))
    correlator = Correlator(CorrelatorSettings())
    correlator.adopt(changes[-1:])

    assert [one.scope for one in correlator.open_incidents()] == [TARGET]
    later = [one for signal in day("unmet") for one in correlator.on_signal(signal)]
    assert {one.incident_id for one in later} <= {changes[0].incident_id}


def test_an_adopted_incident_of_a_target_that_answers_again_ends() -> None:
    _, changes = run(day("unmet"))
    correlator = Correlator(CorrelatorSettings())
    correlator.adopt(changes[-1:])
    later = [one for signal in day("ok", seconds=1500) for one in correlator.on_signal(signal)]

    assert [(one.scope, one.kind) for one in later][-1] == (TARGET, ChangeKind.ENDED)


def test_a_target_counts_like_one_more_venue_and_takes_nothing_from_the_venues() -> None:
    coverage = Coverage()
    for venue in VENUES:
        coverage.on_signal(expect("ETH", venue, "rest"), 0.0)
    coverage.on_signal(expect("ETH", TARGET, "target", weight=0.5), 0.0)

    assert coverage.share("ETH", "alpha") == 0.25
    assert coverage.share("ETH", TARGET) == 0.5 / 4.5
    assert coverage.share("BTC", TARGET) == 0.0
    assert coverage.trading(TARGET) == ("ETH",)


def test_a_target_alone_counts_in_full() -> None:
    coverage = Coverage()
    coverage.on_signal(expect("ETH", TARGET, "target", weight=0.5), 0.0)

    assert coverage.share("ETH", TARGET) == 1.0


def test_an_answer_that_our_own_lag_made_slow_is_nobodys_fault() -> None:
    def slow(lag_s: float) -> dict[str, int]:
        one = LoneProducer("venue_failures")
        for second in range(60):
            lag = Signal(SignalKind.LOOP_LAG, Subject(), at(second), at(second), "loop", second, lag_s)
            if lag_s:
                one.attribution.own_lag.on_signal(lag, at(second).timestamp())
            sent = request(TARGET, second, "slow", "took 1 s")
            one.producer.on_signal(sent, at(second).timestamp())
        one.complete(59)
        one.producer.on_second(at(59).timestamp())
        return one.grades

    assert slow(0.0)["venue_failures"] == 4
    assert slow(0.9) == {}
