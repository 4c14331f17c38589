"""Scores recordings: judges one again, under its own settings and under others, against a truth that somebody wrote down."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.drill.score.marks import Marks, judge
from monitor.drill.score.trial import Trial
from monitor.drill.score.truth import LEVELS, LegTruth, Spell, Truth, VenueTruth
from monitor.errors import OperatorError, nearest
from monitor.incidents import LEGS, Fault, Leg
from monitor.recordings.replay import replay_file
from monitor.settings.reader import read

FORM = "a truth file: [[assets]] with asset, level, [[assets.legs]] … (docs/score.md)"
MAX_TRUTH_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSpell:
    """A span of time as a person writes it."""

    onset: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLeg(WrittenSpell):
    """A leg and when it held. `blind`: nobody could see it."""

    leg: Leg
    blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenVenue(WrittenSpell):
    """A venue and when it was at fault."""

    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTruth:
    """What was true of one asset. An asset without entries was calm."""

    asset: str
    level: str = "calm"
    legs: tuple[WrittenLeg, ...] = ()
    venues: tuple[WrittenVenue, ...] = ()
    blind: tuple[WrittenSpell, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthFile:
    """The truth of a recording, asset by asset."""

    assets: tuple[WrittenTruth, ...]


def read_truth(path: Path) -> dict[str, Truth]:
    """The truth by asset. Raises OperatorError with the key that is wrong."""
    try:
        raw = path.read_bytes()[: MAX_TRUTH_BYTES + 1]
        if len(raw) > MAX_TRUTH_BYTES:
            raise OperatorError("--truth", str(path), f"a file of at most {MAX_TRUTH_BYTES} bytes", "shorten it")
        tree = tomllib.loads(raw.decode())
    except OSError as error:
        raise OperatorError("--truth", str(path), FORM, str(error.strerror or error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError("--truth", str(path), FORM, f"correct it: {error}") from None
    written = read(TruthFile, tree)
    found: dict[str, Truth] = {}
    for place, one in enumerate(written.assets):
        key = f"assets[{place}]"
        if one.asset in found:
            raise OperatorError(f"{key}.asset", one.asset, "each asset once", "join its entries")
        found[one.asset] = _truth(key, one)
    return found


def _truth(key: str, one: WrittenTruth) -> Truth:
    if one.level not in LEVELS:
        raise OperatorError(f"{key}.level", one.level, ", ".join(LEVELS), nearest(one.level, tuple(LEVELS)))
    known = tuple(fault.value for fault in Fault)
    for place, fault in enumerate(one.faults):
        if fault not in known:
            raise OperatorError(f"{key}.faults[{place}]", fault, ", ".join(known), nearest(fault, known))
    legs = []
    for place, leg in enumerate(one.legs):
        if leg.leg not in LEGS:
            raise OperatorError(f"{key}.legs[{place}].leg", leg.leg.value, ", ".join(LEGS), "name a leg")
        spell = _spell(f"{key}.legs[{place}]", leg)
        legs.append(LegTruth(leg=leg.leg, blind=leg.blind, onset_s=spell.onset_s, end_s=spell.end_s))
    venues = []
    for place, venue in enumerate(one.venues):
        spell = _spell(f"{key}.venues[{place}]", venue)
        venues.append(VenueTruth(venue=venue.venue, onset_s=spell.onset_s, end_s=spell.end_s))
    blind = tuple(_spell(f"{key}.blind[{place}]", spell) for place, spell in enumerate(one.blind))
    return Truth(level=LEVELS[one.level], legs=tuple(legs), venues=tuple(venues), blind=blind, faults=one.faults)


def _spell(key: str, one: WrittenSpell) -> Spell:
    onset_s, end_s = _unix_s(one.onset), _unix_s(one.end)
    if end_s < onset_s:
        raise OperatorError(f"{key}.end", one.end.isoformat(), "a time at or after its onset", "correct it")
    return Spell(onset_s=onset_s, end_s=end_s)


def _unix_s(at: datetime) -> float:
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()


def judged(path: Path, settings: CorrelatorSettings | None = None) -> Trial:
    """What the correlator says of a recording, in event time. Raises OperatorError for a file that cannot be judged."""
    replay = replay_file(path, settings)
    trial = Trial()

    def look(correlator: Correlator) -> None:
        trial.look(correlator)

    for change in replay.changes(look):
        trial.take([change], change.at.timestamp())
    trial.signals = replay.signals
    return trial


def marked(trial: Trial, truths: dict[str, Truth]) -> dict[str, Marks]:
    """The marks of each asset that was judged or is in the truth; an asset that the truth does not name was calm."""
    assets = sorted({*trial.seconds, *truths})
    return {asset: judge(trial, truths.get(asset, Truth()), asset) for asset in assets}
