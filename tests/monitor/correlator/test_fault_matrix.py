"""Judges seeded faults as three vantages on two networks see them: whose fault each venue's stress is, and what the page names.

A case is one fault or two at once. Each vantage asks each of fourteen venues and three controls in six rounds, of which one
request in a hundred fails for no reason; a venue that fails in half of the rounds of a healthy vantage is in stress.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import pytest

from monitor.correlator.attribution import Attribution
from monitor.correlator.settings import CorrelatorSettings
from monitor.correlator.vantages import who_sees
from monitor.incidents import Fault
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.assessors import Assessors
from tests.monitor.correlator.storm import at

NETWORKS = {"eu": "north", "us": "north", "asia": "south"}
VENUES = tuple("abcdefghijklmn")
CLOUDS = {"cloud_1": tuple("abcd"), "cloud_2": tuple("efg")}
CONTROLS = ("x", "y", "z")
SETTINGS = CorrelatorSettings(networks=NETWORKS, providers=CLOUDS)
ROUNDS, EVERY_S, NOISE = 6, 5, 0.01
CASES = 1000
KINDS = ("calm", "local", "network", "path", "network_path", "venue", "cloud", "market")
COMBINED = (
    ("local", "venue"),
    ("local", "path"),
    ("path", "venue"),
    ("local", "market"),
    ("path", "cloud"),
    ("path", "market"),
)


@dataclass(slots=True)
class Case:
    """Which vantages are cut off, which venues fail from where, and whose fault each venue's stress may be called."""

    cut: set[str] = field(default_factory=set)
    failing: dict[tuple[str, str], str] = field(default_factory=dict)
    """(vantage, venue) -> the outcome there."""
    right: dict[str, set[Fault]] = field(default_factory=dict)

    def fail(self, vantages: set[str], venues: list[str], outcome: str, fault: Fault) -> None:
        for venue in venues:
            self.right.setdefault(venue, set()).add(fault)
            for vantage in vantages:
                self.failing.setdefault((vantage, venue), outcome)


def case_of(chance: random.Random, kinds: tuple[str, ...]) -> Case:
    """A case with a fault of each kind; a second one strikes only venues that the first spares, so that each has one cause."""
    case = Case()
    everywhere = set(NETWORKS)
    for kind in kinds:
        free = [one for one in VENUES if one not in case.right]
        if kind == "local":
            case.cut.add(chance.choice(sorted(everywhere)))
        elif kind == "network":
            case.cut |= {one for one, network in NETWORKS.items() if network == "north"}
        elif kind == "path":
            trusted = sorted(everywhere - case.cut)
            case.fail({chance.choice(trusted)}, chance.sample(free, chance.randint(1, 3)), "timeout", Fault.PATH)
        elif kind == "network_path":
            case.fail({"eu", "us"}, chance.sample(free, chance.randint(1, 3)), "reset", Fault.PATH)
        elif kind == "venue":
            outcome = chance.choice(("timeout", "refused", "overloaded"))
            case.fail(everywhere, [chance.choice([one for one in free if one in "hijklmn"])], outcome, Fault.VENUE)
        elif kind == "cloud":
            hit = [one for one in CLOUDS[chance.choice(sorted(CLOUDS))] if one in free]
            case.fail(everywhere, hit, "timeout", Fault.PROVIDER)
        elif kind == "market":
            case.fail(everywhere, chance.sample(free, 10), "overloaded", Fault.MARKET)
    return case


def cases() -> Iterator[tuple[tuple[str, ...], Case]]:
    chance = random.Random(14)
    for number in range(CASES):
        kinds: tuple[str, ...] = (
            (KINDS[number // 2 % len(KINDS)],) if number % 2 else COMBINED[number // 2 % len(COMBINED)]
        )
        yield kinds, case_of(chance, kinds)


@cache
def asked(vantage: str, name: str, outcome: str, turn: int) -> Signal:
    """One request to a venue, or to a control."""
    control = name in CONTROLS
    attributes: dict[str, Scalar] = {"outcome": outcome, "check": "time", "ours": False}
    if control:
        attributes["target"] = name
    subject = Subject(venue=None if control else name, vantage=vantage)
    kind = SignalKind.CONTROL if control else SignalKind.REQUEST
    return Signal(kind, subject, at(turn * EVERY_S), at(turn * EVERY_S), name, 1, 0.1, attributes)


def judge(chance: random.Random, case: Case) -> tuple[dict[str, Fault], set[str], Assessors]:
    """Each stressed venue's fault, and the vantages said to be LOCAL."""
    one = Assessors(VENUES, SETTINGS)
    bad: Counter[tuple[str, str]] = Counter()
    local: set[str] = set()
    for turn in range(ROUNDS):
        for vantage in NETWORKS:
            for name in (*VENUES, *CONTROLS):
                outcome = "dns" if vantage in case.cut else case.failing.get((vantage, name), "ok")
                if outcome == "ok" and chance.random() < NOISE:
                    outcome = "timeout"
                signal = asked(vantage, name, outcome, turn)
                one.attribution.on_signal(signal, signal.event_time.timestamp())
                bad[vantage, name] += outcome != "ok"
        if turn < ROUNDS / 2:
            continue
        one.now_s = at(turn * EVERY_S + 1).timestamp()
        local |= {vantage for vantage, began in one.attribution.on_second(one.now_s) if began}
    for venue in VENUES:
        if any(bad[vantage, venue] >= ROUNDS / 2 for vantage in one.attribution.healthy(one.now_s)):
            one.fact(venue, weight=4.0)
    return {seen.venue: seen.fault for seen in one.venues.assess(one.now_s, (), ())}, local, one


def test_of_a_thousand_faults_99_in_100_are_told_right_and_no_venue_is_blamed_for_a_path_or_for_us() -> None:
    chance = random.Random(41)
    wrong: list[tuple[tuple[str, ...], dict[str, Fault], set[str]]] = []
    blamed = 0
    for kinds, case in cases():
        found, local, _ = judge(chance, case)
        blamed += any(
            fault is Fault.VENUE and Fault.VENUE not in case.right.get(name, ()) for name, fault in found.items()
        )
        right = found.keys() == case.right.keys() and all(fault in case.right[name] for name, fault in found.items())
        if not right or local != case.cut:
            wrong.append((kinds, found, local))
    assert len(wrong) <= CASES / 100, wrong[:5]
    assert blamed <= CASES / 1000, f"{blamed} cases"


def test_two_healthy_networks_lift_the_coverage_and_the_loss_of_one_lowers_it() -> None:
    chance = random.Random(1)
    assert judge(chance, Case())[2].asset().verdict.legs[1].coverage == 1.0
    assert judge(chance, Case(cut={"eu"}))[2].asset().verdict.legs[1].coverage == 1.0
    assert judge(chance, Case(cut={"asia"}))[2].asset().verdict.legs[1].coverage == 0.6
    every = judge(chance, Case(cut=set(NETWORKS)))[2].asset().verdict
    assert every.fault is Fault.LOCAL
    assert {one.coverage for one in every.legs} == {0.0}


@pytest.mark.parametrize(
    ("failing", "reaching", "doubted", "fault"),
    [
        (("eu",), ("asia",), (), Fault.PATH),
        (("eu", "us"), ("asia",), (), Fault.PATH),  # one network
        (("eu", "asia"), ("us",), (), None),  # most of them, on two networks
        (("eu", "asia"), ("us", "elsewhere"), (), Fault.PATH),  # half of them
        (("eu", "elsewhere"), ("us",), (), Fault.PATH),  # a network that is not declared may be the same
        (("eu", "us", "asia"), (), (), None),
        ((), ("us", "asia"), ("eu",), Fault.LOCAL),
        ((), (), ("eu",), None),
        (("us",), (), ("eu",), None),  # who is left sees it fail
    ],
)
def test_most_vantages_on_two_networks_outvote_the_others(
    failing: tuple[str, ...], reaching: tuple[str, ...], doubted: tuple[str, ...], fault: Fault | None
) -> None:
    assert who_sees(failing, reaching, doubted, NETWORKS).fault is fault


def test_the_words_name_who_dissents_and_are_silent_if_all_agree() -> None:
    assert who_sees(("eu", "asia"), ("us",), (), NETWORKS).words == "fails from asia, eu; us still reached it"
    alone = who_sees((), ("us", "asia"), ("eu",), NETWORKS).words
    assert alone == "fails from eu alone, whose own network is in doubt; asia, us reached it"
    many = who_sees(("eu",), ("v1", "v2", "v3", "v4", "v5"), (), NETWORKS).words
    assert many == "fails from eu alone; v1, v2, v3 and 2 more reached it"
    assert who_sees(("eu", "us", "asia"), (), (), NETWORKS).words == ""


def see(one: Attribution, turn: int, **outcomes: str) -> None:
    """Each vantage asks venue "a", and a control with the outcome after a stroke, "ok" without one."""
    for vantage, outcome in outcomes.items():
        venue, _, control = outcome.partition("/")
        for name, how in (("a", venue), ("b", "ok"), ("x", control or "ok")):
            signal = asked(vantage, name, how, turn)
            one.on_signal(signal, signal.event_time.timestamp())
    one.on_second(at(turn * EVERY_S + 1).timestamp())


def test_a_venue_that_fails_where_the_controls_fail_too_is_local_to_that_vantage_if_others_reach_both() -> None:
    attribution = Attribution(SETTINGS)
    for turn in (0, 1):
        see(attribution, turn, eu="timeout/timeout", us="ok", asia="ok")
    assert attribution.sight("a", at(6).timestamp()).fault is Fault.LOCAL


def test_a_path_that_recovers_stays_the_cause_while_its_evidence_fades_and_a_venue_that_then_fails_is_blamed() -> None:
    attribution = Attribution(SETTINGS)
    for turn in (0, 1):
        see(attribution, turn, eu="timeout", us="ok", asia="ok")
    see(attribution, 2, eu="ok", us="ok", asia="ok")
    sight = attribution.sight("a", at(11).timestamp())
    assert (sight.fault, sight.failing) == (Fault.PATH, ("eu",))
    for turn in (200, 201):
        see(attribution, turn, eu="ok", us="ok", asia="ok")
    assert attribution.sight("a", at(1006).timestamp()).fault is None
    for turn in (202, 203):
        see(attribution, turn, eu="timeout", us="timeout", asia="timeout")
    assert attribution.sight("a", at(1016).timestamp()).fault is None


def test_a_vantage_that_did_not_ask_for_a_minute_reaches_nothing() -> None:
    attribution = Attribution(SETTINGS)
    see(attribution, 0, us="ok")
    for turn in (13, 14):
        see(attribution, turn, eu="timeout")
    assert attribution.sight("a", at(71).timestamp()).fault is None
