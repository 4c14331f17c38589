"""Runs one simulated history through the detectors and compares the reported figures with the true ones."""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass, field

from chain.events import Address, LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PlacedEvent
from chain.sync.detector_set import DetectorSet
from chain.watch import Watch
from tests.chain.builders import address
from tests.chain.histories.behaviours import BEHAVIOURS, NOISE
from tests.chain.histories.ledger import BRIDGE, ELSEWHERE, SOLD, WALLETS, Spot
from tests.chain.histories.pools import Pair, Ranged, Stable, Vaulted
from tests.chain.histories.stage import Stage
from tests.chain.histories.world import BRIDGES, RIFT, SLOT_S, TAXED, USDC, WETH, World

UNIT = 10**18


@dataclass(slots=True)
class History:
    """Pairs by (removal, addition); reported and true sums for each token at the end of each block that reported it."""

    behaviours: list[str]
    pairs: set[tuple[Spot, Spot]] = field(default_factory=set)
    true_pairs: set[tuple[Spot, Spot]] = field(default_factory=set)
    sums: list[tuple[Address, dict[str, int], dict[str, int]]] = field(default_factory=list)
    scores: list[tuple[tuple[Spot, Spot], float, int, Address]] = field(default_factory=list)


def staged(world: World) -> Stage:
    pairs = [Pair(world, address(0xC1 + at), (RIFT, WETH), (10**6 * UNIT, 500 * UNIT)) for at in range(3)]
    ranged = Ranged(world, address(0xD1), (RIFT, WETH), (10**6 * UNIT, 500 * UNIT))
    dollar = Ranged(world, address(0xD2), (RIFT, USDC), (10**6 * UNIT, 10**12))
    vaulted = Vaulted(world, address(0xE1), (RIFT, WETH), (10**6 * UNIT, 500 * UNIT))
    stable = Stable(world, address(0xE2), (RIFT, WETH), (10**6 * UNIT, 500 * UNIT))
    taxed = [Pair(world, address(0xF1 + at), (WETH, TAXED), (500 * UNIT, 10**6 * UNIT)) for at in range(2)]
    return Stage(world, main=[*pairs, ranged, vaulted, stable], pairs=pairs, ranged=ranged, dollar=dollar, taxed=taxed)


def simulate_history(seed: int, only: str = "") -> History:
    """Simulates one history of one to three behaviours with noise; `only` selects the single behaviour of that name."""
    world = World(seed)
    stage = staged(world)
    chosen = [one for one in BEHAVIOURS if one.__name__ == only] or world.rng.sample(
        BEHAVIOURS, world.rng.randint(1, 3)
    )
    if any(one.__name__ == "goes_in_and_out" for one in chosen):
        chosen = [*chosen, *(one for one in chosen if one.__name__ == "goes_in_and_out")]
    behaviours = [one(stage) for one in (*chosen, *NOISE)]
    detectors = DetectorSet(Watch(pools=tuple(one.watched for one in world.pools), bridges=BRIDGES))
    reported: list[PlacedEvent] = []
    reported_at: dict[Address, float] = {}
    found = History(behaviours=[one.__name__ for one in chosen])
    for number in world.run(behaviours):
        events = detectors.on_block(world.block(number, detectors.reads()))
        reported += events
        last = {event.token: event for event in events if isinstance(event, LiquidityAccounted)}
        for token, account in last.items():
            true = world.ledger.sums(token, world.now_s)
            sums = {
                ELSEWHERE: account.readded, WALLETS: account.to_wallets, BRIDGE: account.to_bridges,
                SOLD: account.unexplained + account.open, "removed": account.removed,
            }  # fmt: skip
            latest = [at for at, one in enumerate(found.sums) if one[0] == token]
            if latest and world.now_s - reported_at[token] <= 2 * SLOT_S:
                del found.sums[latest[-1]]  # its holder was read only in this block
            reported_at[token] = world.now_s
            found.sums.append((token, sums, dict(true)))
    moves = {event.event_id: event for event in reported if isinstance(event, LiquidityMoved)}
    for event in reported:
        if isinstance(event, LiquidityMigrated):
            pair = (_spot(moves[event.removal_id]), _spot(moves[event.addition_id]))
            found.pairs.add(pair)
            found.scores.append((pair, event.score, event.amount, event.token))
    found.true_pairs = world.ledger.pairs
    return found


def _spot(event: LiquidityMoved) -> Spot:
    assert event.place.log_index is not None
    return event.place.block_number, event.place.log_index


def f1(histories: list[History]) -> tuple[float, float, float]:
    """Returns precision, recall and their harmonic mean over all pairs."""
    hits = sum(len(one.pairs & one.true_pairs) for one in histories)
    reported, true = sum(len(one.pairs) for one in histories), sum(len(one.true_pairs) for one in histories)
    return hits / max(reported, 1), hits / max(true, 1), 2 * hits / max(reported + true, 1)


def errors(histories: list[History]) -> dict[str, float]:
    """Returns by bucket the mean of |reported − true| as a share of the removed amount; all tokens have the same weight."""
    wrong: dict[str, float] = defaultdict(float)
    whole = 0.0
    for one in histories:
        for _, sums, true in one.sums:
            removed = sum(part for bucket, part in true.items() if bucket != "back")
            scale = max(removed, sums["removed"], 1)
            whole += 1
            for bucket in (ELSEWHERE, WALLETS, BRIDGE, SOLD):
                wrong[bucket] += abs(sums[bucket] - true.get(bucket, 0)) / scale
            wrong["removed"] += abs(sums["removed"] - removed) / scale
    return {bucket: round(part / max(whole, 1), 5) for bucket, part in wrong.items()}


def main(first: int, last: int) -> None:
    """Runs these seeds and prints the figures."""
    histories = [simulate_history(seed) for seed in range(first, last)]
    precision, recall, both = f1(histories)
    pairs = sum(len(one.true_pairs) for one in histories)
    print(f"seeds {first}…{last - 1}: {pairs} pairs, precision {precision:.4f}, recall {recall:.4f}, F1 {both:.4f}")
    print(f"mean error of the sums, as a share of what was removed: {errors(histories)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
