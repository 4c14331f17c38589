"""Pools as ways out: what a pool pays in dollars, only while every part of that is seen, and never more than it would pay."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from chain.liquidity.depth import constant_product
from monitor.correlator.exit_pools import MAX_INSTRUMENTS, MAX_POOLS, Prices
from monitor.incidents import ExitCapacity, ExitWay, WayState
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer

DOLLARS = {"is0": "RIFT", "is1": "USD"}


def report(x: float, y: float, **changed: Scalar) -> dict[str, Scalar]:
    """The report of a pair of x RIFT and y dollars, of 18 and 6 decimals, with a fee of 0.3 %."""
    told: dict[str, Scalar] = {"event_id": "e1", **DOLLARS}
    for percent in (1, 5):
        trades = constant_product(int(x * 1e18), int(y * 1e6), 3000, percent * 100)
        told |= {f"sold0_{percent}": trades.paid0 / 1e18, f"got0_{percent}": trades.got1 / 1e6}
        told |= {f"sold1_{percent}": trades.paid1 / 1e6, f"got1_{percent}": trades.bought0 / 1e18}
    return told | changed


class Chain:
    """RIFT at 2 dollars and WETH at 2,000, a network whose head comes each 10 s, and pools that the test reports."""

    def __init__(self) -> None:
        self.alone = LoneProducer("exit_capacity")
        self.second = 0.0
        self.marks = {"RIFT": 2.0, "WETH": 2000.0}
        self.head = True

    def tell(self, kind: SignalKind, value: float = 1.0, pool: str | None = "0xaa", **attributes: Scalar) -> None:
        subject = Subject(asset="RIFT" if pool else None, network="ethereum", pool=pool)
        self.alone.send(kind, self.second, value, subject, attributes)

    def report(self, told: dict[str, Scalar], pool: str = "0xaa") -> None:
        self.tell(SignalKind.POOL_DEPTH, 1.0, pool, **told)

    def wait(self, seconds: float = 20) -> None:
        for _ in range(int(seconds // 10)):
            self.second += 10
            for asset, usd in self.marks.items():
                subject = Subject(asset=asset, venue="alpha", instrument=f"{asset}USDT")
                self.alone.send(SignalKind.MARK_PRICE, self.second, usd, subject, {"quote": "USDT"})
            if self.head:
                self.tell(SignalKind.HEAD, 1.0, None, lag_s=2.0)
            self.alone.complete(self.second)

    @property
    def now(self) -> ExitCapacity:
        return self.alone.board.exits["RIFT"]

    @property
    def way(self) -> ExitWay:
        [one] = self.now.ways
        return one


def opened() -> Chain:
    """A chain with one pool of a million RIFT and two million dollars."""
    chain = Chain()
    chain.wait()
    chain.report(report(1e6, 2e6))
    chain.wait()
    return chain


def test_what_a_pool_pays_counts_as_a_way_out_less_the_tenth_that_is_not_reported() -> None:
    chain = opened()
    assert chain.way.name == "ethereum/0xaa"
    assert chain.way.state is WayState.OPEN
    # x·y is constant: the dollars shrink by the root of the price
    one, five = 0.9 * 2e6 * (1 - 0.99**0.5), 0.9 * 2e6 * (1 - 0.95**0.5)
    assert [amount.usd for amount in chain.now.amounts] == pytest.approx([one] * 3 + [five] * 3, rel=1e-4)


def test_a_pool_that_pays_with_a_watched_asset_is_counted_at_that_assets_price() -> None:
    chain = opened()
    chain.report(report(1e6, 1e3, is1="WETH"))
    chain.wait()
    assert chain.way.usd_1 == pytest.approx(0.9 * 1e3 * (1 - 0.99**0.5) * 2000, rel=1e-4)
    chain.marks["WETH"] = 1000.0
    chain.wait()
    assert chain.way.usd_1 == 0.0  # it pays half of what RIFT is worth elsewhere
    chain.marks["RIFT"] = 1.0
    chain.wait()
    assert chain.way.usd_1 == pytest.approx(0.9 * 1e3 * (1 - 0.99**0.5) * 1000, rel=1e-4)


def test_the_asset_may_be_either_token() -> None:
    chain = opened()
    turned = report(
        1e6, 1e6 / 2, is0="USD", is1="RIFT"
    )  # token1 is RIFT now: half a million of it and a million dollars
    chain.report(turned)
    chain.wait()
    assert chain.way.usd_1 == pytest.approx(0.9 * 1e6 * (1 - (1 / 1.01) ** 0.5), rel=1e-4)


def _no_head(chain: Chain) -> None:
    chain.head = False
    chain.wait(130)


def _stalled(chain: Chain) -> None:
    chain.head = False
    chain.tell(SignalKind.HEAD_STALLED, 60.0, None, answered=True)


def _late_heads(chain: Chain) -> None:
    chain.head = False
    for _ in range(13):
        chain.tell(SignalKind.HEAD, 1.0, None, lag_s=900.0)
        chain.wait(10)


def _no_marks(asset: str) -> Callable[[Chain], None]:
    def forget(chain: Chain) -> None:
        del chain.marks[asset]
        chain.report(report(1e6, 1e3, is1="WETH"))
        chain.wait(160)

    return forget


def _told(**changed: Scalar) -> Callable[[Chain], None]:
    return lambda chain: chain.report(report(1e6, 2e6, **changed))


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (_no_head, "no block of its network lately"),
        (_stalled, "no block of its network lately"),
        (_late_heads, "no block of its network lately"),
        (lambda chain: chain.wait(7210), "its depth was not reported lately"),
        (lambda chain: chain.tell(SignalKind.RETRACTION, retracts="e1"), "its depth was not reported lately"),
        (_told(disputed=True), "nodes disagree about it"),
        (_told(is1=None), "its tokens are not named in the settings"),
        (_told(is0=None), "its tokens are not named in the settings"),
        (_told(is0="RIFT", is1="RIFT"), "its tokens are not named in the settings"),
        (_told(got0_1=None), "its exact depth or a token's decimals are not known"),
        (_told(sold0_5=None), "its exact depth or a token's decimals are not known"),
        (_no_marks("RIFT"), "no fresh price of RIFT"),
        (_no_marks("WETH"), "no fresh price of WETH"),
    ],
)
def test_a_pool_of_which_a_part_is_not_known_is_unknown_and_never_zero(
    happens: Callable[[Chain], None], why: str
) -> None:
    chain = opened()
    happens(chain)
    chain.wait()
    assert (chain.way.state, chain.way.why) == (WayState.UNKNOWN, why)
    assert [one.usd for one in chain.now.amounts] == [None] * 6


def test_a_pool_comes_back_with_what_was_missing() -> None:
    chain = opened()
    _stalled(chain)
    chain.wait()
    chain.tell(SignalKind.HEAD_RESUMED, 60.0, None, block=9)
    chain.wait()
    assert chain.way.state is WayState.OPEN


def test_a_frozen_pool_is_shut_until_the_freeze_is_lifted() -> None:
    chain = opened()
    chain.tell(SignalKind.HOLDER_FROZEN, 1.0)
    chain.wait()
    assert (chain.way.state, chain.now.usd(5, 60)) == (WayState.CLOSED, 0.0)
    chain.tell(SignalKind.HOLDER_FROZEN, 0.0)
    chain.wait()
    assert chain.way.state is WayState.OPEN
    chain.tell(SignalKind.WALLET, 0.0)  # of a pool, and of no venue: it says nothing of either
    chain.wait()
    assert chain.way.state is WayState.OPEN


def test_pools_and_marks_are_bounded_and_a_mark_that_is_in_no_dollars_is_no_price() -> None:
    chain = opened()
    for number in range(MAX_POOLS + 5):
        chain.report(report(1e6, 2e6), f"0x{number:040x}")
    chain.wait()
    assert len(chain.now.ways) == MAX_POOLS
    prices = Prices()
    for number in range(MAX_INSTRUMENTS + 9):
        prices.take("RIFT", str(number), 2.0, 0.0)
    assert len(prices.marks["RIFT"]) == MAX_INSTRUMENTS
    subject = Subject(asset="EURO", venue="alpha", instrument="EUROEUR")
    chain.alone.send(SignalKind.MARK_PRICE, chain.second, 1.0, subject, {"quote": None})
    chain.tell(SignalKind.RETRACTION, 1.0, "0xff", retracts="")
    chain.wait()
    assert len(chain.now.ways) == MAX_POOLS


FATES = ("open", "open", "drained", "drained unseen", "stale", "blind", "frozen", "unnamed", "no decimals", "shifted")


def lived(chance: random.Random, chain: Chain, pool: str) -> float:
    """Report a pool of any size, let something happen to it, and say what it truly pays within 1 % then, in USD."""
    y = 10 ** chance.uniform(3, 8)
    fate = chance.choice(FATES)
    told = report(y / 2, y)
    left = y
    if fate == "unnamed":
        told["is1"] = None
    elif fate == "no decimals":
        told["got0_1"] = told["got0_5"] = None
    chain.report(told, pool)
    if fate == "drained":  # whoever sold a hundred times what it held took nine tenths of the dollars
        left = y * chance.uniform(0.001, 0.1)
        chain.report(report(y * y / 2 / left, left), pool)
    elif fate == "frozen":
        chain.tell(SignalKind.HOLDER_FROZEN, 1.0, pool)
        return 0.0
    elif fate == "shifted":  # less than a tenth less is not reported
        left = y * chance.uniform(0.905, 1.0)
    elif fate in ("stale", "blind", "drained unseen"):
        chain.tell(SignalKind.RETRACTION, 1.0, pool, retracts="e1")
        left = y * chance.choice((1.0, 0.01))
    return float(constant_product(int(left / 2 * 1e18), int(left * 1e6), 3000, 100).got1 / 1e6)


def test_in_many_worlds_with_pools_drained_stale_or_blind_never_more_is_said_than_is_true() -> None:
    chance = random.Random(8)
    counted = near = 0
    for _ in range(1000):
        chain = Chain()
        chain.wait(10)
        truth = sum(lived(chance, chain, f"0x{number:02x}") for number in range(chance.randint(1, 5)))
        silent = chance.random() < 0.2
        chain.head = not silent
        chain.wait(140 if silent else 20)
        said = chain.now.usd(1, 1)
        assert (said or 0.0) <= truth * (1 + 1e-9) + 0.01
        assert said is None or not silent or not said
        if said:
            counted += 1
            near += said >= 0.85 * truth
    assert counted > 300
    assert near > 100
