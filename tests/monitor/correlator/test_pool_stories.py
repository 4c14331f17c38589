"""Thirty lives of pools, from simulated logs to evidence: each has its own story and grades, and all sums are exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chain.blocks.reads import AnyRead, CallWord
from chain.blocks.standards import NOBODY
from chain.events import Address, LiquidityAccounted, PlacedEvent, PoolDrained
from chain.sync.detector_set import DetectorSet
from chain.watch import Watch, WatchedSuccessor
from monitor.intake import Intake
from tests.chain.builders import address
from tests.chain.histories.people import Person
from tests.chain.histories.pools import Ranged, SimulatedPool, Stable, Vaulted
from tests.chain.histories.world import BRIDGES, RIFT, WETH, Behaviour, World
from tests.chain.liquidity.emptied import (
    HELD,
    THIEF,
    burnt,
    curve_swap,
    pair,
    price_moves,
    ranged,
    stable,
    swapped,
    synced,
    vault_swaps,
    vaulted,
)
from tests.monitor.correlator.test_evidence import ProducerHarness

SUPPLY = 10**8 * 10**18
PRODUCERS = ("liquidity_accounts", "liquidity", "drains", "supply")


class Town(World):
    """A world whose token has a supply; `a` and `b` are two equal pairs of it."""

    def __init__(self, only: Callable[[World], SimulatedPool] | None = None) -> None:
        super().__init__(1)
        self.supply = SUPPLY
        if only is not None:
            self.alone = only(self)
        else:
            self.a, self.b = pair(self), pair(self, 0xC2)

    def _answer(self, read: AnyRead) -> object | None:
        if read == CallWord(RIFT, "0x18160ddd"):
            return self.supply
        return super()._answer(read)

    def owner(self, pool: SimulatedPool, share: float) -> Person:
        one = Person(self)
        one.begin(pool, share)
        return one

    def mint(self, to: Address, units: int) -> None:
        self.supply += units
        with self.transaction():
            self.transfer(RIFT, NOBODY, to, units)


@dataclass(frozen=True, slots=True)
class Reported:
    """The evidence of one life: names and grades, and its words."""

    grades: set[tuple[str, int]]
    text: str
    events: list[PlacedEvent]


def reported(town: Town, life: Behaviour, successors: tuple[WatchedSuccessor, ...] = ()) -> Reported:
    """Runs a life through detectors, intake and evidence."""
    watch = Watch(pools=tuple(one.watched for one in town.pools), bridges=BRIDGES, successors=successors)
    detectors = DetectorSet(watch)
    intake = Intake(
        vantage="here", assets=["RIFT"], pools={("local", str(one.address)): ["RIFT"] for one in town.pools}
    )
    harnesses = [ProducerHarness(name) for name in PRODUCERS]
    events: list[PlacedEvent] = []
    for number in town.run([life], warm=12):
        for event in detectors.on_block(town.block(number, detectors.reads())):
            events.append(event)
            for signal in intake.event(event):
                for harness in harnesses:
                    if signal.kind in harness.producer.kinds:
                        harness.producer.on_signal(signal, signal.event_time.timestamp())
    found = [one for harness in harnesses for one in harness.board.everything()]
    return Reported({(one.name, one.grade) for one in found}, " | ".join(one.said for one in found), events)


def leaves(town: Town, part: float = 0.9, *, to: Address | None = None, pools: int = 1) -> Behaviour:
    owned = [(town.owner(pool, part), pool) for pool in (town.a, town.b)[:pools]]
    yield 0
    for one, pool in owned:
        with town.transaction():
            one.leave(pool, to=to)


def crosses(town: Town) -> Behaviour:
    one = town.owner(town.a, 0.9)
    yield 0
    with town.transaction():
        one.leave(town.a)
    yield 60
    for token in (RIFT, WETH):
        with town.transaction():
            one.cross(token)


def migrates(town: Town, part: float = 0.9, times: int = 1) -> Behaviour:
    one = town.owner(town.a, part)
    yield 0
    for left in range(times, 0, -1):
        with town.transaction():
            one.leave(town.a, 1 / left)
        yield 60
        with town.transaction():
            one.enter(town.b)
        yield 60


def returns(town: Town) -> Behaviour:
    one = town.owner(town.a, 0.9)
    yield 0
    with town.transaction():
        one.leave(town.a)
    yield 24
    with town.transaction():
        one.enter(town.a)


def just_in_time(town: Town) -> Behaviour:
    one = Person(town)
    one.funds[RIFT], one.funds[WETH] = HELD
    yield 0
    with town.transaction():
        one.enter(town.a)
    one.holds[town.a.address] = town.a.supply // 2
    yield 12
    with town.transaction():
        one.leave(town.a)


def collects(town: Town) -> Behaviour:
    pool = town.alone
    assert isinstance(pool, Ranged)
    number = pool.place(THIEF, 0.1, logged=False)
    yield 0
    with town.transaction():
        pool.collect(number, (HELD[0] // 2, HELD[1] // 2), THIEF)


def swaps(town: Town, *paid: float, pause_s: float = 0.0, back: bool = False, both: bool = False) -> Behaviour:
    yield 0
    for part in paid:
        for pool in (town.a, town.b)[: 1 + both]:
            got = swapped(pool, int(pool.reserves[0] * part))
            if back:
                swapped(pool, got, first=False)
        if pause_s:
            yield pause_s


def dumps(town: Town, minted: float, pause_s: float = 0.0) -> Behaviour:
    yield 0
    town.mint(THIEF, int(HELD[0] * minted))
    if pause_s:
        yield pause_s
    swapped(town.a, int(HELD[0] * minted))


def mints(town: Town, part: float) -> Behaviour:
    yield 0
    town.mint(THIEF, int(SUPPLY * part))


def destroys(town: Town, part: float) -> Behaviour:
    yield 0
    town.supply -= int(SUPPLY * part)
    with town.transaction():
        town.transfer(RIFT, THIEF, NOBODY, int(SUPPLY * part))


def burns(town: Town, part: float) -> Behaviour:
    yield 0
    town.supply -= int(HELD[0] * part)
    with town.transaction():
        burnt(town.a, int(HELD[0] * part))


def takes(town: Town) -> Behaviour:
    yield 0
    with town.transaction():
        town.transfer(WETH, town.a.address, THIEF, HELD[1] * 9 // 10)
        synced(town.a, (HELD[0], HELD[1] // 10))


def syncs(town: Town, *, rebased: bool) -> Behaviour:
    yield 0
    town.supply //= 2 if rebased else 1
    with town.transaction():
        synced(town.a, (HELD[0] // 2, HELD[1]))


def vault_empties(town: Town, left: float) -> Behaviour:
    yield 0
    assert isinstance(town.alone, Vaulted)
    with town.transaction():
        vault_swaps(town.alone, left)


def price_leaves(town: Town, ticks: int, liquidity: float) -> Behaviour:
    yield 0
    pool = town.alone
    assert isinstance(pool, Ranged)
    with town.transaction():
        price_moves(pool, pool.at_tick + ticks, int(pool.supply * liquidity))


def coin_leaves(town: Town, out: float) -> Behaviour:
    yield 0
    assert isinstance(town.alone, Stable)
    with town.transaction():
        curve_swap(town.alone, out)


def leaves_and_swaps(town: Town) -> Behaviour:
    one = town.owner(town.a, 0.9)
    yield 0
    with town.transaction():
        one.leave(town.a)
    swapped(town.a, 9 * town.a.reserves[0])


SOMEBODY = address(0x50)
Life = tuple[Callable[[Town], Behaviour], Callable[[World], SimulatedPool] | None, set[tuple[str, int]], str]
LIVES: dict[str, Life] = {
    "a tenth leaves": (lambda t: leaves(t, 0.2), None, set(), ""),
    "nine tenths of half leave to the owner": (leaves, None, {("liquidity_gone", 2)}, "to wallets"),
    "everything leaves to the owner": (lambda t: leaves(t, pools=2), None, {("liquidity_gone", 3)}, "to wallets"),
    "everything leaves to a friend": (
        lambda t: leaves(t, to=SOMEBODY, pools=2), None, {("liquidity_gone", 3)}, "to wallets"),
    "a rug: everything leaves into a contract": (
        lambda t: leaves(t, to=t.contract(), pools=2), None, {("liquidity_drained", 4)}, "unexplained"),
    "half a rug": (lambda t: leaves(t, to=t.contract()), None, {("liquidity_drained", 3)}, "unexplained"),
    "over a bridge": (crosses, None, {("liquidity_gone", 2)}, "over bridges"),
    "into the other pool": (migrates, None, {("migration", 2)}, "to uniswap_v2"),
    "into the other pool in three parts": (lambda t: migrates(t, times=3), None, {("migration", 2)}, "to uniswap_v2"),
    "a small migration": (lambda t: migrates(t, 0.2), None, set(), ""),
    "back into its own pool": (returns, None, set(), ""),
    "just in time": (just_in_time, None, set(), ""),
    "fees are collected": (collects, ranged, set(), ""),
    "a routine swap": (lambda t: swaps(t, 0.05), None, set(), ""),
    "a large swap": (lambda t: swaps(t, 0.2), None, set(), ""),
    "there and back in a block": (lambda t: swaps(t, 9.0, back=True), None, set(), ""),
    "swaps over many minutes": (lambda t: swaps(t, *[0.1] * 6, pause_s=90), None, set(), ""),
    "swaps within a minute": (lambda t: swaps(t, *[0.25] * 4, pause_s=12), None, {("pool_drained", 1)}, "bought out"),
    "emptied by a swap": (lambda t: swaps(t, 9.0), None, {("pool_drained", 2)}, "bought out"),
    "both emptied by swaps": (lambda t: swaps(t, 9.0, both=True), None, {("pool_drained", 2)}, ""),
    "minted and sold": (lambda t: dumps(t, 9.0), None, {("pool_drained", 3), ("supply_jump", 1)}, "made for the buyer"),
    "minted, and sold later": (
        lambda t: dumps(t, 4.0, 1200), None, {("pool_drained", 2)}, "made for the buyer"),
    "minted only": (lambda t: mints(t, 0.3), None, {("supply_jump", 3)}, "rose by 30%"),
    "destroyed by a holder": (lambda t: destroys(t, 0.3), None, {("supply_jump", 1)}, "fell by 30%"),
    "burnt from the pair": (lambda t: burns(t, 0.9), None, {("pool_drained", 3)}, "burnt by the token"),
    "a burn that is routine": (lambda t: burns(t, 0.02), None, set(), ""),
    "taken": (takes, None, {("pool_drained", 3)}, "without a swap"),
    "synced without a transfer": (lambda t: syncs(t, rebased=False), None, {("pool_drained", 2)}, "nothing left it"),
    "rebased": (lambda t: syncs(t, rebased=True), None, {("pool_drained", 2), ("supply_jump", 4)}, "all balances"),
    "a vault's pool is emptied": (lambda t: vault_empties(t, 0.001), vaulted, {("pool_drained", 3)}, "bought out"),
    "a vault's pool loses a tenth": (lambda t: vault_empties(t, 0.9), vaulted, set(), ""),
    "the price leaves all ranges": (lambda t: price_leaves(t, 5000, 0), ranged, {("pool_drained", 3)}, "bought out"),
    "the price moves within five percent": (lambda t: price_leaves(t, 400, 0.1), ranged, set(), ""),
    "a flat pool trades": (lambda t: coin_leaves(t, 0.3), stable, set(), ""),
    "a flat pool is emptied": (lambda t: coin_leaves(t, 0.95), stable, {("pool_drained", 3)}, "bought out"),
    "liquidity leaves and the rest is bought": (leaves_and_swaps, None, {("liquidity_gone", 2)}, "to wallets"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIVES)
def test_each_life_has_its_own_story(name: str) -> None:
    life, only, grades, words = LIVES[name]
    town = Town(only)
    before = {pool.address: tuple(pool.reserves) for pool in town.pools if isinstance(pool, SimulatedPool)}
    found = reported(town, life(town))
    assert found.grades == grades, found.text
    assert words in found.text
    for event in found.events:
        if isinstance(event, LiquidityAccounted):
            parts = event.readded + event.to_wallets + event.to_bridges + event.open + event.unexplained
            assert event.removed == parts
        if isinstance(event, PoolDrained):
            assert event.share == pytest.approx(1 - event.after / event.before)
            assert event.before <= max(before[event.pool])


def test_a_rug_a_bridge_and_a_migration_do_not_read_alike() -> None:
    rug, bridge, migration = (
        reported(town := Town(), LIVES[name][0](town)).text
        for name in ("half a rug", "over a bridge", "into the other pool")
    )
    assert len({rug, bridge, migration}) == 3
    assert "unexplained" in rug
    assert "over bridges" in bridge
    assert "to uniswap_v2" in migration
