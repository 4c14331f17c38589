"""Venues of one provider that fail together are its fault and not the market's; venues of many providers are the market's."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from monitor.correlator.providers import carrier
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Fault, Leg
from tests.monitor.correlator.assessors import Assessors

VENUES = tuple(f"v{number}" for number in range(14))
CASES = 1000


def groups(rng: Random) -> dict[str, tuple[str, ...]]:
    """Two to four providers with two to five venues each; the others stand alone."""
    left = rng.sample(VENUES, len(VENUES))
    found = {}
    for name in ("aws", "cloudflare", "gcp", "own")[: rng.randint(2, 4)]:
        size = min(rng.randint(2, 5), len(left) - 3)
        if size >= 2:
            found[name], left = tuple(left[:size]), left[size:]
    return found


def cases() -> Iterator[tuple[str | None, str | None]]:
    """(the provider that failed, the one that is named): an outage, a storm of the market, venues of their own, a quiet day."""
    for seed in range(CASES):
        rng = Random(seed)
        providers = groups(rng)
        what = rng.choice(("outage", "outage", "storm", "alone", "quiet"))
        failed = rng.choice(sorted(providers)) if what == "outage" else None
        stressed = {venue for venue in VENUES if rng.random() < 0.03}
        if failed:
            stressed |= {venue for venue in providers[failed] if rng.random() < 0.95}
        elif what == "storm":
            stressed |= set(rng.sample(VENUES, rng.randint(8, 14)))
        elif what == "alone":
            stressed |= set(rng.sample(VENUES, rng.randint(1, 2)))
        yield failed, carrier(stressed, VENUES, providers)


def test_in_a_thousand_worlds_of_fourteen_venues_the_provider_is_named_right() -> None:
    found = list(cases())
    right = sum(1 for failed, named in found if failed and named == failed)
    precision = right / sum(1 for _, named in found if named)
    recall = right / sum(1 for failed, _ in found if failed)
    assert precision >= 0.95, precision
    assert recall >= 0.9, recall


@pytest.mark.parametrize(
    ("stressed", "named"),
    [
        ("a b c", "cloud"),
        ("a b", "cloud"),
        ("a", None),
        ("a b c d", "cloud"),
        ("a b c d e", None),
        ("d e", None),
        ("", None),
    ],
)
def test_two_thirds_within_and_a_fifth_elsewhere(stressed: str, named: str | None) -> None:
    assert carrier(stressed.split(), "abcdefgh", {"cloud": "abc"}) == named


def test_where_all_venues_are_of_one_provider_nobody_can_tell_and_of_two_the_larger_is_named() -> None:
    assert carrier("abc", "abc", {"cloud": "abc"}) is None
    assert carrier("abc", "abcdefghijklmnopqr", {"wide": "abcd", "cloud": "abc", "zone": "abc"}) == "cloud"


def faults(*, quiet: bool, providers: dict[str, tuple[str, ...]]) -> tuple[Fault, Fault]:
    """The fault of BTC and that of venue a, while a, b and c of four venues are in stress."""
    made = Assessors("abcd", CorrelatorSettings(providers=providers))
    for venue in "abc":
        made.fact(venue, weight=4.0, grade=4)
    if not quiet:
        made.own(Leg.LIQUIDATION, weight=4.0, grade=4)
    found = made.asset()
    [first, *_] = made.venues.assess(made.now_s, (), [found])
    return found.verdict.fault, first.fault


def test_three_of_four_venues_of_one_provider_with_quiet_liquidations_are_not_the_market() -> None:
    assert faults(quiet=True, providers={}) == (Fault.MARKET, Fault.MARKET)
    assert faults(quiet=True, providers={"cloud": ("a", "b", "c")}) == (Fault.PROVIDER, Fault.PROVIDER)


def test_with_liquidations_it_is_the_market() -> None:
    assert faults(quiet=False, providers={"cloud": ("a", "b", "c")})[0] is Fault.MARKET
