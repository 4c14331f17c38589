"""Generates two hundred pool histories and measures precision and recall of the migration pairs.

Owners withdraw, migrate (whole, split over two pools, topped up, hours later, by way of another wallet of theirs, in
one transaction through a contract), rebalance within a pool, give just-in-time liquidity, and unrelated owners add and
remove the same tokens in the same minutes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from chain.blocks.block import Block, Log
from chain.blocks.standards import TRANSFER
from chain.detectors import migration
from chain.events import Address, LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PlacedEvent
from chain.watch import Watch, WatchedPool
from tests.chain.builders import NETWORK, START, address, header, log, topic, words

A, B = address(0xAA), address(0xBB)
POOLS = [address(0xF00 + at) for at in range(5)]
KINDS = ["uniswap_v2", "uniswap_v2", "uniswap_v3", "curve", "uniswap_v2"]
BLOCK_S = 12
HISTORIES = 200
Pair = tuple[str, str, str]


@dataclass(slots=True)
class Step:
    """One move at a given time; `pair` names its migration."""

    number: int
    pool: Address
    owner: Address
    amounts: tuple[int, int]
    removed: bool
    pair: int | None = None
    transaction: int = 0
    sends: tuple[Address, Address, int] | None = None


@dataclass(slots=True)
class History:
    """Holds random steps (fixed seed) in chain order."""

    chance: random.Random
    steps: list[Step] = field(default_factory=list)
    people: int = 0
    pairs: int = 0

    def somebody(self) -> Address:
        self.people += 1
        return address(0x1000 + self.people)

    def amounts(self) -> tuple[int, int]:
        size = int(10 ** self.chance.uniform(18, 24))
        return size, int(size * self.chance.uniform(0.9, 1.1))

    def part(self, amounts: tuple[int, int], least: float, most: float) -> tuple[int, int]:
        share = self.chance.uniform(least, most)
        return int(amounts[0] * share), int(amounts[1] * share)

    def when(self) -> int:
        return self.chance.randrange(10, 1500)

    def migrate(self) -> None:
        chance, amounts, owner, start = self.chance, self.amounts(), self.somebody(), self.when()
        source, *others = chance.sample(POOLS, 3)
        self.pairs += 1
        pair = self.pairs
        way = chance.choice(["contract", "soon", "soon", "hours", "split", "other_wallet", "part_late", "relayed"])
        leaves = Step(number=start, pool=source, owner=owner, amounts=amounts, removed=True, pair=pair)
        self.steps.append(leaves)
        if way == "contract":
            leaves.transaction = 10_000 + pair
            came = self.part(amounts, 0.8, 1)
            self.enter(start, others[0], self.somebody(), came, pair, leaves.transaction)
        elif way == "relayed":  # a relayer moves the positions of two owners in one transaction
            leaves.transaction = 10_000 + pair
            self.pairs += 1
            more = self.part(amounts, 0.2, 0.7)
            second = Step(
                start, source, self.somebody(), more, removed=True, pair=self.pairs, transaction=leaves.transaction
            )
            self.steps.append(second)
            for came, number in ((amounts, pair), (more, self.pairs)):
                self.enter(start, others[0], self.somebody(), self.part(came, 0.98, 1), number, leaves.transaction)
        elif way == "part_late":  # a part of it, after most of an hour
            self.enter(start + chance.randrange(100, 300), others[0], owner, self.part(amounts, 0.4, 0.7), pair)
        elif way == "soon":
            self.enter(start + chance.randrange(1, 60), others[0], owner, self.part(amounts, 0.95, 1.05), pair)
        elif way == "hours":
            self.enter(start + chance.randrange(300, 600), others[0], owner, self.part(amounts, 0.995, 1.005), pair)
        elif way == "split":
            first = self.part(amounts, 0.45, 0.55)
            rest = (amounts[0] - first[0], amounts[1] - first[1])
            for at, came in enumerate((first, rest)):
                self.enter(start + 2 + 3 * at, others[at], owner, came, pair)
        else:
            friend = self.somebody()
            leaves.sends = (owner, friend, amounts[0])
            self.enter(start + chance.randrange(5, 40), others[0], friend, self.part(amounts, 0.97, 1.0), pair)

    def enter(
        self,
        number: int,
        pool: Address,
        owner: Address,
        amounts: tuple[int, int],
        pair: int | None,
        transaction: int = 0,
    ) -> None:
        self.steps.append(Step(number, pool, owner, amounts, removed=False, pair=pair, transaction=transaction))

    def noise(self) -> None:
        chance, owner, start, pool = self.chance, self.somebody(), self.when(), self.chance.choice(POOLS)
        amounts = self.amounts()
        way = chance.choice(["withdraws", "comes", "just_in_time", "rebalances", "much_later"])
        if way in ("withdraws", "rebalances", "much_later"):
            self.steps.append(Step(start, pool, owner, amounts, removed=True))
        if way == "comes":
            self.enter(start, pool, owner, amounts, None)
        if way == "just_in_time":
            self.enter(start, pool, owner, amounts, None)
            self.steps.append(
                Step(start + chance.randrange(0, 2), pool, owner, self.part(amounts, 0.9, 1), removed=True)
            )
        if way == "rebalances":
            self.enter(start + chance.randrange(3, 30), pool, owner, self.part(amounts, 0.9, 1), None)
        if way == "much_later":  # days later the same owner starts something else with other money
            other = chance.choice([one for one in POOLS if one != pool])
            self.enter(start + 20_000, other, owner, self.part(amounts, 2, 5), None)

    def twin(self) -> None:
        """An unrelated owner adds the amount another owner removed, at the same time: a coincidence, not a migration."""
        start, (here, there), amounts = self.when(), self.chance.sample(POOLS, 2), self.amounts()
        self.steps.append(Step(start, here, self.somebody(), amounts, removed=True))
        self.enter(start + 1, there, self.somebody(), amounts, None)


def histories(seed: int) -> History:
    history = History(random.Random(seed))
    for _ in range(history.chance.randrange(2, 6)):
        history.migrate()
    for _ in range(history.chance.randrange(4, 10)):
        history.noise()
    history.twin()
    history.steps.sort(key=lambda step: step.number)
    return history


def blocks(history: History) -> Iterator[tuple[Block, list[LiquidityMoved], list[Step]]]:
    for number in sorted({step.number for step in history.steps}):
        steps = [step for step in history.steps if step.number == number]
        logs: list[Log] = []
        moves: list[LiquidityMoved] = []
        for index, step in enumerate(steps):
            transaction = step.transaction or number * 100 + index + 1
            at = len(logs) + 1
            holders = (step.pool, step.owner) if step.removed else (step.owner, step.pool)
            passes = [(*holders, step.amounts[0])] + ([step.sends] if step.sends else [])
            for giver, receiver, amount in passes:
                topics = (TRANSFER, topic(int(giver, 16)), topic(int(receiver, 16)))
                logs.append(log(A, *topics, body=words(amount), transaction=transaction, index=at))
            where = Block(network=NETWORK, header=header(number, after_s=number * BLOCK_S), seen_at=START)
            moves.append(
                LiquidityMoved(
                    place=where.place(log(step.pool, transaction=transaction, index=at)),
                    seen_at=START,
                    event_id=where.event_id(at, index, step.pool),
                    pool=step.pool,
                    pool_kind=KINDS[POOLS.index(step.pool)],
                    token0=A,
                    token1=B,
                    amount0=step.amounts[0],
                    amount1=step.amounts[1],
                    share=0.1,
                    removed=step.removed,
                    owner=step.owner,
                )
            )
        head = header(number, after_s=number * BLOCK_S)
        yield Block(network=NETWORK, header=head, seen_at=START, logs=tuple(logs)), moves, steps


def judged(history: History) -> tuple[set[Pair], set[Pair], list[LiquidityAccounted]]:
    """Returns the true pairs, the found pairs and the reported accounts."""
    pools = zip(POOLS, KINDS, strict=True)
    watch = Watch(pools=tuple(WatchedPool(address=at, kind=kind, token0=A, token1=B) for at, kind in pools))
    detector = migration.make(watch)
    left: dict[int, str] = {}
    true: set[Pair] = set()
    found: set[Pair] = set()
    accounts: list[LiquidityAccounted] = []
    for block, moves, steps in blocks(history):
        for move, step in zip(moves, steps, strict=True):
            if step.pair is not None and step.removed:
                left[step.pair] = move.event_id
            elif step.pair is not None:
                true |= {(token, left[step.pair], move.event_id) for token in (A, B)}
        events: list[PlacedEvent] = detector.on_block(block, moves)
        matched = [event for event in events if isinstance(event, LiquidityMigrated)]
        found |= {(event.token, event.removal_id, event.addition_id) for event in matched}
        accounts += [event for event in events if isinstance(event, LiquidityAccounted)]
    return true, found, accounts


def test_pairs_in_two_hundred_histories_are_found_with_an_f1_of_at_least_95_percent() -> None:
    right = wrong = missed = 0
    for seed in range(HISTORIES):
        true, found, accounts = judged(histories(seed))
        right += len(true & found)
        wrong += len(found - true)
        missed += len(true - found)
        for one in accounts:
            assert one.removed == one.readded + one.to_wallets + one.to_bridges + one.open + one.unexplained
            assert min(one.readded, one.to_wallets, one.to_bridges, one.unexplained) >= 0
    f1 = 2 * right / (2 * right + wrong + missed)
    print(f"\n{HISTORIES} histories: {right} pairs right, {wrong} wrong, {missed} missed, F1 {f1:.4f}")
    assert right > HISTORIES, "too few pairs to judge by"
    assert f1 >= 0.95
