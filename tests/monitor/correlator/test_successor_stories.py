"""Lives of a token that another one replaces, from logs to evidence: a declared successor is a migration, a rug is none."""

from __future__ import annotations

from fractions import Fraction

import pytest

from chain.blocks.reads import AnyRead, CallWord
from chain.blocks.standards import NOBODY
from chain.events import LiquidityAccounted, LiquidityMigrated
from chain.liquidity.token_names import DECIMALS
from chain.watch import WatchedSuccessor
from tests.chain.builders import address
from tests.chain.histories.people import Person
from tests.chain.histories.pools import Pair
from tests.chain.histories.world import RIFT, WETH, Behaviour
from tests.chain.liquidity.emptied import HELD
from tests.monitor.correlator.test_pool_stories import Reported, Town, crosses, leaves, migrates, reported

NEW = address(0xA00B)
CONVERTER = address(0xC0)


class NewTown(Town):
    """A town whose second pool is of the new token, `ratio` units of it for one of the old."""

    def __init__(self, ratio: int = 1, decimals: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.pools.remove(self.b)
        self.ratio, self.decimals = ratio, decimals
        self.b = Pair(self, address(0xC3), (NEW, WETH), (HELD[0] * ratio, HELD[1]))

    def _answer(self, read: AnyRead) -> object | None:
        if self.decimals and read in (CallWord(RIFT, DECIMALS), CallWord(NEW, DECIMALS)):
            return self.decimals[read == CallWord(NEW, DECIMALS)]
        return super()._answer(read)


def converts(town: NewTown, *, burnt: bool = True, by_issuer: bool = False, part: float = 1.0) -> Behaviour:
    """Leaves the old token's pool, exchanges the token, and enters the new token's pool (or its issuer does)."""
    one = town.owner(town.a, 0.9)
    yield 0
    with town.transaction():
        one.leave(town.a)
    yield 60
    units, coins = one.funds[RIFT], one.funds[WETH]
    other = Person(town) if by_issuer else one
    with town.transaction():
        town.transfer(RIFT, one.at, NOBODY if burnt else CONVERTER, units)
        town.transfer(NEW, NOBODY, other.at, units * town.ratio)
    other.funds[NEW], other.funds[WETH] = int(units * town.ratio * part), int(coins * part)
    yield 60
    with town.transaction():
        other.enter(town.b)


def declared(ratio: Fraction = Fraction(1)) -> tuple[WatchedSuccessor, ...]:
    return (WatchedSuccessor(old=RIFT, new=NEW, ratio=ratio),)


def accounts(found: Reported) -> dict[str, LiquidityAccounted]:
    last: dict[str, LiquidityAccounted] = {
        one.token: one for one in found.events if isinstance(one, LiquidityAccounted)
    }
    for one in last.values():
        assert one.removed == one.readded + one.to_wallets + one.to_bridges + one.open + one.unexplained
    return last


@pytest.mark.parametrize("burnt", [True, False])
@pytest.mark.parametrize("by_issuer", [True, False])
def test_liquidity_that_comes_back_as_the_declared_successor_is_a_migration(burnt: bool, by_issuer: bool) -> None:
    town = NewTown()
    found = reported(town, converts(town, burnt=burnt, by_issuer=by_issuer), declared())
    assert found.grades == {("migration", 2)}, found.text
    assert "of its successor" in found.text
    for one in accounts(found).values():
        assert one.readded / one.removed == pytest.approx(1, rel=1e-3)
        assert one.successor == NEW
    assert {one.successor for one in found.events if isinstance(one, LiquidityMigrated)} == {NEW}


@pytest.mark.parametrize(
    ("ratio", "decimals", "said"),
    [(100, None, Fraction(100)), (10**12, (6, 18), Fraction(1)), (10**14, (6, 18), Fraction(100))],
)
def test_the_declared_ratio_is_of_whole_units(ratio: int, decimals: tuple[int, int] | None, said: Fraction) -> None:
    town = NewTown(ratio, decimals)
    old = accounts(reported(town, converts(town), declared(said)))[RIFT]
    assert old.readded / old.removed == pytest.approx(1, rel=1e-3)


def test_what_was_not_added_again_stays_in_wallets_or_open() -> None:
    town = NewTown()
    found = accounts(reported(town, converts(town, part=0.5), declared()))
    assert found[WETH].readded / found[WETH].removed == pytest.approx(0.5, rel=1e-3)
    assert found[WETH].to_wallets / found[WETH].removed == pytest.approx(0.5, rel=1e-3)
    assert found[RIFT].open / found[RIFT].removed == pytest.approx(0.5, rel=1e-3), "burnt, and not yet the new token"


def test_without_a_declaration_the_new_token_is_another_token() -> None:
    town = NewTown()
    found = reported(town, converts(town, by_issuer=True))
    assert "successor" not in found.text
    assert ("migration", 2) not in found.grades


def test_a_rug_a_bridge_a_migration_and_a_successor_do_not_read_alike() -> None:
    town, rugged, plain, bridged = NewTown(), NewTown(), Town(), Town()
    told = {
        "successor": reported(town, converts(town), declared()),
        "rug": reported(rugged, leaves(rugged, to=rugged.contract()), declared()),
        "migration": reported(plain, migrates(plain), declared()),
        "bridge": reported(bridged, crosses(bridged), declared()),
    }
    assert len({one.text for one in told.values()}) == 4
    assert ("liquidity_drained", 3) in told["rug"].grades, "a declared successor excuses no rug"
    assert "unexplained" in told["rug"].text
    assert "successor" not in told["rug"].text + told["migration"].text + told["bridge"].text
    assert "over bridges" in told["bridge"].text
    assert told["migration"].grades == told["successor"].grades == {("migration", 2)}
