"""Checks the score of a removal and an addition, computed by hand from its documented formula; each unit is used once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from chain.liquidity.matching import Succession, pairs, score_of
from chain.liquidity.token_flow import TokenFlow

WHOLE_TX, WHOLE_OWN, WHOLE_AMOUNT, WHOLE_SOON, WHOLE_FLOW, WHOLE_MIGRATOR = 0.4, 0.4, 0.25, 0.25, 0.3, 0.2
HOUR = 3600.0


def side(event_id: str, **words: Any) -> TokenFlow:
    plain: dict[str, Any] = {
        "event_id": event_id, "pool": "p", "pool_kind": "uniswap_v2", "emitter": "t", "token": "A", "owner": None,
        "transaction": None, "block_number": 1, "time_s": 0.0, "amount": 100, "left": 100, "share": 0.5, "removed": True,
    }  # fmt: skip
    return TokenFlow(**plain | words)


def score(removal: dict[str, Any], addition: dict[str, Any], **words: Any) -> float:
    given: dict[str, Any] = {"holders": (), "flows": ()}
    return score_of(side("r", **removal), side("a", block_number=2, emitter="u", **addition), **given | words)


@dataclass(frozen=True, slots=True)
class Case:
    """A pair and the parts of its score."""

    removal: dict[str, Any]
    addition: dict[str, Any]
    wanted: float
    holders: tuple[str, ...] = ()
    flows: tuple[tuple[str, str, str | None], ...] = ()


AT_ONCE = WHOLE_AMOUNT + WHOLE_SOON
FLOW = ("r", "u", "x")


@pytest.mark.parametrize(
    "case",
    [
        Case({}, {}, AT_ONCE),
        Case({"owner": "o"}, {"owner": "o"}, AT_ONCE + WHOLE_OWN),
        Case({"owner": "o"}, {"owner": "q"}, AT_ONCE),
        Case({"owner": "o"}, {"owner": "q"}, AT_ONCE + WHOLE_OWN, holders=("q",)),
        Case({"owner": "o"}, {"owner": "q"}, AT_ONCE, holders=("o",)),
        Case({"transaction": "x"}, {"transaction": "x"}, AT_ONCE + WHOLE_TX),
        Case({"transaction": "x"}, {"transaction": "y"}, AT_ONCE),
        Case({"transaction": "x", "migrated": True}, {"transaction": "x"}, AT_ONCE + WHOLE_TX + WHOLE_MIGRATOR),
        Case({"transaction": "x", "migrated": True}, {"transaction": "y"}, AT_ONCE),
        Case({}, {"transaction": "x"}, AT_ONCE + WHOLE_FLOW + WHOLE_OWN, flows=(FLOW,)),
        Case({}, {"transaction": "y"}, AT_ONCE, flows=(FLOW,)),
        Case({}, {"transaction": "x"}, AT_ONCE, flows=(("other", "u", "x"), ("r", "t", "x"))),
        Case({"left": 110}, {"left": 100}, WHOLE_AMOUNT * math.exp(-math.log(1.1) / 0.1) + WHOLE_SOON),
        Case({"left": 100}, {"left": 110}, WHOLE_AMOUNT * math.exp(-math.log(1.1) / 0.1) + WHOLE_SOON),
        Case({}, {"time_s": HOUR}, WHOLE_AMOUNT + WHOLE_SOON / 2),
        Case({}, {"time_s": 2 * HOUR}, WHOLE_AMOUNT + WHOLE_SOON / 4),
        Case({"time_s": 50.0}, {"time_s": 20.0}, AT_ONCE),
        Case(
            {}, {"transaction": "x", "time_s": 48 * HOUR}, WHOLE_AMOUNT + WHOLE_FLOW / 2 + WHOLE_OWN, flows=(FLOW,)
        ),
    ],
)  # fmt: skip
def test_a_score_is_the_sum_of_its_parts(case: Case) -> None:
    assert score(case.removal, case.addition, holders=case.holders, flows=case.flows) == pytest.approx(
        case.wanted, abs=1e-6
    )


def test_a_unit_with_nothing_left_has_no_match() -> None:
    assert score({"left": 0}, {}) == 0.0
    assert score({}, {"left": 0}) == 0.0
    assert score({"left": 1}, {"left": 1}) == pytest.approx(AT_ONCE)


@pytest.mark.parametrize(
    ("removed_at", "added_at", "same", "counts"),
    [
        ((5, 2), (5, 1), False, False), ((5, 1), (5, 1), False, True), ((5, 1), (5, 2), False, True),
        ((6, 0), (5, 9), False, False), ((5, 2), (5, 1), True, True),
    ],
)  # fmt: skip
def test_an_addition_before_the_removal_counts_only_within_one_transaction(
    removed_at: tuple[int, int], added_at: tuple[int, int], same: bool, counts: bool
) -> None:
    removal = side("r", transaction="x", block_number=removed_at[0], log_index=removed_at[1])
    addition = side("a", transaction="x" if same else "y", block_number=added_at[0], log_index=added_at[1])
    assert (score_of(removal, addition, (), ()) > 0) is counts


def matched(removals: list[TokenFlow], additions: list[TokenFlow]) -> list[tuple[str, str, int]]:
    return [(one.event_id, two.event_id, amount) for _, one, two, amount in pairs(removals, additions)]


def owned(event_id: str, owner: str = "o", **words: Any) -> TokenFlow:
    return side(event_id, owner=owner, **words)


def test_a_pair_without_a_shared_owner_money_or_transaction_never_counts() -> None:
    assert matched([owned("r", "o")], [owned("a", "q", block_number=2)]) == []
    assert matched([owned("r", "o", held={"q": 1})], [owned("a", "q", block_number=2)]) == [("r", "a", 100)]


def test_a_pair_counts_from_a_score_of_six_tenths() -> None:
    # one owner, unrelated amounts: 0.4 + 0.25 * 2^-h reaches 0.6 at h = log2(1.25) hours
    far: dict[str, Any] = {"left": 10**9, "amount": 10**9, "block_number": 2}
    due_s = math.log2(1.25) * HOUR
    assert matched([owned("r")], [owned("a", time_s=due_s - 1, **far)]) == [("r", "a", 100)]
    assert matched([owned("r")], [owned("a", time_s=due_s + 1, **far)]) == []


def test_money_counts_one_transfer_after_the_removal_but_not_two() -> None:
    for hops, found in ((0, 1), (1, 1), (2, 0)):
        removal = owned("r", held={"q": 100}, hops={"q": hops})
        assert len(matched([removal], [owned("a", "q", block_number=2)])) == found


def test_the_best_pair_is_matched_first_and_each_unit_is_used_once() -> None:
    removals = [owned("r1", left=60), owned("r2", left=100)]
    additions = [owned("a1", left=100, block_number=2), owned("a2", left=30, block_number=2)]
    assert matched(removals, additions) == [("r2", "a1", 100), ("r1", "a2", 30)]
    assert [one.left for one in (*removals, *additions)] == [30, 0, 0, 0]


def test_equal_pairs_are_matched_in_the_order_of_the_chain() -> None:
    removals = [owned("r2", log_index=2), owned("r1", log_index=1)]
    assert matched(removals, [owned("a", block_number=2)]) == [("r1", "a", 100)]


def test_only_the_same_token_is_matched_and_no_score_exceeds_one() -> None:
    assert matched([owned("r", token="A")], [owned("a", token="B", block_number=2)]) == []
    [(reached, *_)] = pairs(
        [owned("r", transaction="x", migrated=True)], [owned("a", transaction="x", block_number=2)], ()
    )
    assert reached == 1.0


def test_a_declared_successor_counts_like_a_common_owner_at_its_ratio() -> None:
    hundredfold = Succession("A", Fraction(100))
    assert score({"owner": "o"}, {"owner": "q", "token": "B", "left": 10_000}, succession=hundredfold) == pytest.approx(
        AT_ONCE + WHOLE_OWN
    )
    off = score({"owner": "o"}, {"owner": "q", "token": "B", "left": 100}, succession=hundredfold)
    assert off == pytest.approx(WHOLE_AMOUNT * math.exp(-math.log(100) / 0.1) + WHOLE_SOON + WHOLE_OWN)


def test_a_successor_matches_with_the_other_tokens_of_the_same_moves_and_each_unit_once() -> None:
    old, coin = side("r", owner="o"), side("r", owner="o", token="C", left=50, amount=50)
    new = side("a", block_number=2, owner="q", token="B", left=6000, amount=6000, pool="q")
    coins = side("a", block_number=2, owner="q", token="C", left=30, amount=30, pool="q")
    stranger = side("b", block_number=2, owner="z", token="C", left=50, amount=50, pool="z")
    successions = {"B": Succession("A", Fraction(100))}
    matched = pairs([old, coin], [new, coins, stranger], (), successions)
    found = [(one.token, other.event_id, units) for _, one, other, units in matched]
    assert sorted(found) == [("A", "a", 60), ("C", "a", 30)]
    assert (old.left, coin.left, new.left, coins.left, stranger.left) == (40, 20, 0, 0, 50)
    assert old.successor == coin.successor == "B"


def test_without_a_declaration_or_with_nothing_left_another_token_matches_nothing() -> None:
    def matched(removal: TokenFlow, *additions: TokenFlow, declared: bool = True) -> list[int]:
        successions = {"B": Succession("A")} if declared else {}
        return [units for *_, units in pairs([removal], additions, (), successions)]

    def new(**words: Any) -> TokenFlow:
        return side("a", **{"block_number": 2, "token": "B", "pool": "q", **words})

    assert matched(side("r"), new(), declared=False) == []
    assert matched(side("r", left=0), new()) == []
    assert matched(side("r"), new(left=0)) == []
    assert matched(side("r"), new()) == [100]
    plain = side("r")
    assert matched(plain, new(token="A", owner="q")) == []
    assert plain.successor is None
