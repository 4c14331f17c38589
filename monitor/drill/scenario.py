"""Declares a scenario: what the drill's world does, second by second, and what must be flagged.

A scenario is a TOML file, read strictly. Times are seconds of the scenario (0 is "begin"), prices and sizes in USD-like
quote units, shares 0..1. This file knows no world: `monitor.drill.world` plays a scenario, `verdict.py` judges by `expect`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from monitor.drill.facts import Fact, check_facts, check_pace
from monitor.errors import OperatorError, nearest
from monitor.incidents import LEVEL_NAMES, Fault, Level
from monitor.registry import Registry
from monitor.settings.reader import read

VENUES = ("binance_usdm", "bybit", "okx", "gate")
"""The venues of a scenario that names none."""
DIALECTS: Registry[object] = Registry("monitor.drill.world.dialects", "DIALECT")
"""Where the world's venues are found."""
FOLDER = Path(__file__).parent / "scenarios"
MAX_S = 3600.0
MAX_PER_S = 200.0
MAX_PRICE = 100.0
TWIN_S = 80.0
"""A quiet twin lasts at most so long."""
MAX_REGIONS = 3


class ChainKind(StrEnum):
    """What happens on the scripted chain."""

    QUEUE = "queue"
    UPGRADE = "upgrade"
    REMOVE_LIQUIDITY = "remove_liquidity"
    ADD_LIQUIDITY = "add_liquidity"
    MINT = "mint"
    SWAP = "swap"
    TAKE = "take"


class Liquidated(StrEnum):
    """The side whose positions are liquidated."""

    LONG = "long"
    SHORT = "short"


class Mute(StrEnum):
    """The part of a venue that falls silent while its socket stays open."""

    LIQUIDATION = "liquidation"
    """Everything on the liquidation feed: forced orders and the prices that prove it is alive."""
    FORCED_ORDERS = "forced_orders"
    """Forced orders only; the prices on that feed go on."""
    BOOK = "book_ws"
    """The books' changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """One step on the chain, mined in the first block at or after `at_s`.

    `share`: of the first pool's reserves (remove_liquidity; take: both leave it by transfer, without swap or removal), of its
    stablecoin (swap: bought out with the token), of what was removed (add_liquidity, in the other pool), or of the token's
    supply (mint: made from nothing).
    """

    at_s: float
    kind: ChainKind
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: from `at_s` to `until_s` (None: the end) at `venues` (none named: all). None means unchanged.

    Where stages overlap, the later one in the file wins, effect by effect. `throttle` is the share of REST answered by
    the venue's own throttling answer, `failing` that answered 503;
    `liquidations_per_s` the true rate, before the venue censors it;
    `depth_factor` and `open_interest_factor` multiply the normal; `funding_rate` is per interval; `long_short` and
    `perp_over_spot` are ratios. `price_factor` is the multiple of the first price that the market has reached at the stage's
    end; it goes there evenly, at all venues at once. `off_market` is the multiple of the market's price that a venue's books,
    marks and index have. `cancel_only`: orders can only be cancelled, so that the books stand and nothing trades; a venue
    says so where it has a word for it, and so with `withdrawals_delayed`. `network_down` drops every socket of the world,
    control targets included; with `regions`, only the sockets of these vantages. `chain_halted`: no block is mined, and the
    node goes on answering; steps of that time are in the next block.
    """

    at_s: float
    until_s: float | None = None
    title: str
    venues: tuple[str, ...] = ()
    rest_latency_s: float | None = None
    throttle: float | None = None
    failing: float | None = None
    outage: bool = False
    engine_lag_s: float | None = None
    feed_lag_s: float | None = None
    liquidations_per_s: float | None = None
    liquidated_side: Liquidated | None = None
    mute: tuple[Mute, ...] = ()
    depth_factor: float | None = None
    spread_bps: float | None = None
    cancel_only: bool = False
    withdrawals_closed: bool = False
    withdrawals_delayed: bool = False
    deposits_closed: bool = False
    open_interest_factor: float | None = None
    funding_rate: float | None = None
    long_short: float | None = None
    perp_over_spot: float | None = None
    price_factor: float | None = None
    off_market: float | None = None
    network_down: bool = False
    chain_halted: bool = False
    regions: tuple[str, ...] = ()
    chain: tuple[ChainStep, ...] = ()

    def covers(self, venue: str, at_s: float) -> bool:
        """Whether this stage is on for a venue at a time."""
        on = self.at_s <= at_s and (self.until_s is None or at_s < self.until_s)
        return on and (not self.venues or venue in self.venues)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What must be flagged: `level` within `within_s` of `third_leg_at_s`; `at_most`: nothing above it, ever.

    `fault` is whose fault must be named ("" if none). `findings` names the evidence that the verdict needs ("withdrawals"): each
    must stand in some change; what `never_found` names, in none. `never_fault` names faults that no change may name.
    No incident may end before `open_until_s`: what goes on until then must not read as recovered. By `flagged_by_s` (None:
    whenever), such as the second of the first public word, something must have been flagged. `lost` names the vantage whose
    network must be reported as down; what was flagged holds meanwhile.
    """

    level: str
    at_most: bool = False
    fault: str = ""
    third_leg_at_s: float = 0.0
    within_s: float = 60.0
    findings: tuple[str, ...] = ()
    never_found: tuple[str, ...] = ()
    never_fault: tuple[str, ...] = ()
    open_until_s: float = 0.0
    flagged_by_s: float | None = None
    lost: str = ""

    def words(self) -> str:
        """The expected level in words: "perfect-storm", "at most watch"."""
        return ("at most " if self.at_most else "") + self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario. `venues` are those that the world simulates, `providers` who carries which of them, as an operator declares,
    `regions` the vantages that watch them (none: one).

    `facts` are what a replay is written from, `assumed` what no source gives and the replay had to choose, `compressed` the
    seconds of the incident in one second of the scenario.
    """

    name: str
    title: str
    length_s: float
    seed: int
    asset: str
    price: float
    expect: Expect
    venues: tuple[str, ...] = VENUES
    regions: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = field(default_factory=tuple)
    providers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    assumed: tuple[str, ...] = ()
    compressed: float = 1.0

    def cut_off(self, region: str, at_s: float) -> bool:
        """Whether the network of one region is down at a time, while the others' is not."""
        return any(one.network_down and region in one.regions and one.covers("", at_s) for one in self.stages)

    def chain(self) -> tuple[ChainStep, ...]:
        """Every step on the chain, in time order."""
        steps = [step for stage in self.stages for step in stage.chain]
        return tuple(sorted(steps, key=lambda step: step.at_s))

    def lowest(self) -> float:
        """The lowest price that a stage leads to, at most the first."""
        led = min((one.price_factor or 1.0 for one in self.stages), default=1.0)
        return self.price * min(led, 1.0) * min((min(one.off_market or 1.0, 1.0) for one in self.stages), default=1.0)


def names() -> tuple[str, ...]:
    """The names of the shipped scenarios."""
    return tuple(sorted(one.stem for one in FOLDER.glob("*.toml")))


def load(given: str | Path) -> Scenario:
    """A scenario by its shipped name or by the path of a TOML file. Raises OperatorError."""
    path = Path(given)
    if path.suffix != ".toml":
        if str(given) not in names():
            allowed = "a shipped scenario or the path of a .toml file"
            raise OperatorError("scenario", str(given), allowed, nearest(str(given), names()))
        path = FOLDER / f"{given}.toml"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError("scenario", str(given), "a file that can be read", f"{error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError("scenario", str(given), "a TOML file", f"correct it: {error}") from None
    return checked(read(Scenario, tree))


def checked(scenario: Scenario) -> Scenario:
    """Check that the values of a scenario make sense together, and return it. Raises OperatorError with the key."""
    _between("length_s", scenario.length_s, 1.0, MAX_S, 'give the length, such as "80s"')
    _between("price", scenario.price, 1e-6, MAX_PRICE, "give a price in USD; the world trades whole lots of ten")
    if not scenario.asset.isalnum() or not scenario.asset.isupper():
        raise OperatorError("asset", scenario.asset, "letters and digits in capitals", 'such as "RIFT"')
    _check_venues(scenario.venues)
    for name, carried in scenario.providers.items():
        for index, venue in enumerate(carried):
            _one_of(f"providers.{name}[{index}]", venue, scenario.venues)
    _check_regions(scenario)
    for index, stage in enumerate(scenario.stages):
        _check_stage(f"stages[{index}]", stage, scenario)
    _check_chain(scenario.chain())
    check_facts(scenario.facts, scenario.length_s)
    check_pace(scenario.compressed, scenario.title)
    expect = scenario.expect
    _one_of("expect.level", expect.level, tuple(LEVEL_NAMES.values()))
    _one_of("expect.fault", expect.fault, ("", *(one.value for one in Fault)))
    for index, fault in enumerate(expect.never_fault):
        _one_of(f"expect.never_fault[{index}]", fault, tuple(one.value for one in Fault if one is not Fault.NONE))
    for key in ("third_leg_at_s", "open_until_s", "flagged_by_s"):
        _between(f"expect.{key}", getattr(expect, key) or 0.0, 0.0, scenario.length_s, "put it within the scenario")
    return scenario


def played_by(scenario: Scenario, venues: Sequence[str]) -> Scenario:
    """The scenario with other venues in its world. Raises OperatorError.

    A venue of the scenario's own plays its own part. The others play its venues' parts in turn, and so does everyone where a
    part would be left without a player.
    """
    _check_venues(tuple(venues))
    own = scenario.venues
    guests = [venue for venue in venues if venue not in own]
    players = {part: {part} & set(venues) | set(guests[place :: len(own)]) for place, part in enumerate(own)}
    for place, part in enumerate(own):
        players[part] = players[part] or {venues[place % len(venues)]}

    def cast(parts: Sequence[str]) -> tuple[str, ...]:
        return tuple(one for one in venues if any(one in players[part] for part in parts))

    stages = tuple(replace(stage, venues=cast(stage.venues)) for stage in scenario.stages)
    providers = {name: cast(parts) for name, parts in scenario.providers.items()}
    return replace(scenario, venues=tuple(venues), stages=stages, providers=providers)


def quiet_twin(scenario: Scenario) -> Scenario:
    """The same world, in which nothing happens: nothing above watch may be flagged."""
    return replace(
        scenario,
        name=f"{scenario.name}-quiet-twin",
        title=f"The quiet twin of {scenario.name}: the same world, and nothing happens",
        length_s=min(scenario.length_s, TWIN_S),
        stages=(Stage(at_s=0.0, title="a quiet market"),),
        expect=Expect(level=LEVEL_NAMES[Level.WATCH], at_most=True),
        facts=(),
        assumed=(),
        compressed=1.0,
    )


def named(text: str) -> tuple[str, ...]:
    """The venues of "okx,bitget"; "all": every venue that the world can simulate."""
    return DIALECTS.names() if text == "all" else tuple(one.strip() for one in text.split(",") if one.strip())


def _check_venues(venues: tuple[str, ...]) -> None:
    """The world speaks what is in its folder of dialects, and each venue once."""
    known = DIALECTS.names()
    for index, venue in enumerate(venues):
        _one_of(f"venues[{index}]", venue, known)
        if venue in venues[:index]:
            raise OperatorError(f"venues[{index}]", venue, "each venue once", "remove it here")
    if not venues:
        raise OperatorError("venues", "none", ", ".join(known), "name one venue or more")


def _check_regions(scenario: Scenario) -> None:
    """None, or two or more by name; a stage and the expectation name some of them."""
    regions = scenario.regions
    if len(regions) == 1 or len(regions) > MAX_REGIONS or len(set(regions)) < len(regions):
        raise OperatorError(
            "regions", ", ".join(regions), f"none, or 2 to {MAX_REGIONS} names", "name each vantage once"
        )
    for index, stage in enumerate(scenario.stages):
        for name in stage.regions:
            _one_of(f"stages[{index}].regions", name, regions)
        if stage.regions and not stage.network_down:
            raise OperatorError(
                f"stages[{index}].regions", stage.regions[0], "with network_down", "only a network has regions"
            )
    _one_of("expect.lost", scenario.expect.lost, ("", *regions))


def _check_stage(key: str, stage: Stage, scenario: Scenario) -> None:
    length_s = scenario.length_s
    for index, venue in enumerate(stage.venues):
        _one_of(f"{key}.venues[{index}]", venue, scenario.venues)
    _between(f"{key}.at_s", stage.at_s, 0.0, length_s, "put it within the scenario")
    if stage.price_factor is not None and (stage.until_s is None or stage.venues):
        raise OperatorError(
            f"{key}.price_factor", stage.price_factor, "a stage at all venues that ends", "give until_s and no venues"
        )
    if stage.until_s is not None:
        _between(f"{key}.until_s", stage.until_s, stage.at_s, length_s, "end a stage after it begins")
    bounds = {
        "rest_latency_s": (0.0, 60.0), "throttle": (0.0, 1.0), "failing": (0.0, 1.0), "engine_lag_s": (0.0, 600.0),
        "feed_lag_s": (0.0, 600.0), "liquidations_per_s": (0.0, MAX_PER_S), "depth_factor": (0.0, 100.0),
        "spread_bps": (0.0, 5000.0), "open_interest_factor": (0.0, 100.0), "funding_rate": (-0.1, 0.1),
        "price_factor": (0.01, 10.0), "off_market": (0.01, 10.0), "long_short": (0.001, 1000.0),
        "perp_over_spot": (0.001, 1000.0),
    }  # fmt: skip
    for name, (low, high) in bounds.items():
        value = getattr(stage, name)
        if value is not None:
            _between(f"{key}.{name}", value, low, high, "correct it")
    for index, step in enumerate(stage.chain):
        _between(f"{key}.chain[{index}].share", step.share, 0.0, 1.0, "give a share of the reserves")
        until_s = length_s if stage.until_s is None else stage.until_s
        _between(f"{key}.chain[{index}].at_s", step.at_s, stage.at_s, until_s, "put it within its stage")


def _check_chain(steps: Sequence[ChainStep]) -> None:
    for kind in (ChainKind.QUEUE, ChainKind.UPGRADE):
        count = sum(1 for step in steps if step.kind is kind)
        if count > 1:
            raise OperatorError("stages.chain.kind", f"{count} x {kind}", "one of each scenario", "remove the others")


def _between(key: str, value: float, low: float, high: float, remedy: str) -> None:
    if not low <= value <= high:
        raise OperatorError(key, value, f"a number from {low:g} to {high:g}", remedy)


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OperatorError(key, value, ", ".join(one or '""' for one in allowed), nearest(value, allowed))
