"""Continues where an earlier run stopped: thaws the correlator's image and judges what the log holds behind it.

The image is only for the program that made it, with the same settings and while it watches the same. Any other program
judges again what the log holds about what it watches, and then adopts the last change of each incident, so that ids and
revisions go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from sys import version

import monitor
from monitor.correlator import Correlator, CorrelatorSettings
from monitor.correlator.freezing import PACKAGES, NotAnImage
from monitor.incidents import SINK_PREFIX, IncidentChange
from monitor.log import Image, Stream
from monitor.log.change_json import decode_change
from monitor.log.codec import decode_image, decode_signals
from monitor.log.follow import remaining
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal

IMAGE_KEY = "correlator"
SOURCES = (*PACKAGES, "monitor.registry", "chain.events", "chain.blocks", "chain.control")
"""The packages and modules of which the correlator's program is made."""
log = logging.getLogger("stormwatch.resume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What this run watches. Signals and open incidents of anything else are from an earlier run with other settings.

    The operator's own targets are among the venues, as "target:NAME". `agents` are the vantages that others watch from for us.
    """

    vantage: str
    assets: frozenset[str]
    venues: frozenset[str]
    networks: frozenset[str]
    agents: frozenset[str] = frozenset()

    @property
    def vantages(self) -> frozenset[str]:
        """Every place that signals come from."""
        return self.agents or frozenset({self.vantage})

    @property
    def id(self) -> str:
        """Differs whenever something else is watched."""
        parts = (self.vantage, sorted(self.agents), sorted(self.assets), sorted(self.venues), sorted(self.networks))
        return sha256(repr(parts).encode()).hexdigest()

    def covers(self, scope: str) -> bool:
        """Whether incidents of this scope can still be seen."""
        kind, _, name = scope.partition(":")
        if kind == "target":
            return scope in self.venues
        return name in {"asset": self.assets, "venue": self.venues, "vantage": self.vantages}[kind]

    def hears(self, signal: Signal) -> bool:
        """Whether a signal of the log is about what is watched now: sources that are gone would be blind for ever."""
        one = signal.subject
        return (
            (one.asset is None or one.asset in self.assets)
            and (one.venue is None or one.venue in self.venues)
            and (one.network is None or one.network in self.networks)
            and (one.vantage is None or one.vantage in self.vantages)
        )


@dataclass(frozen=True, slots=True)
class Resumed:
    """The correlator that continues, how many signals it judged again, and the changes that were judged but not durable."""

    correlator: Correlator
    judged: int
    changes: Sequence[IncidentChange]
    thawed: bool


@cache
def code_id() -> str:
    """Identifies the correlator's program: a hash of its sources and of the interpreter."""
    root = Path(monitor.__file__).parent.parent
    sources = sorted(
        path
        for package in SOURCES
        for place in (root / package.replace(".", "/"), (root / package.replace(".", "/")).with_suffix(".py"))
        for path in ([place] if place.suffix == ".py" else place.rglob("*.py"))
        if path.is_file()
    )
    seen = sha256(version.encode())
    for path in sources:
        seen.update(path.read_bytes())
    return seen.hexdigest()


def image_of(correlator: Correlator, watched: Watched, heard: int = 0) -> Image:
    """The correlator's state between two signals; `heard`: the last message of the bus that it rests on."""
    return Image(f"{code_id()}:{watched.id}", correlator.freeze(), heard)


async def resumed(
    local: SqliteLog,
    settings: CorrelatorSettings,
    watched: Watched,
    on_judged: Callable[[int], None] = lambda _signals: None,
) -> Resumed:
    """The correlator as the log's last run left it. Judges at most what the log holds; yields to the loop as it reads.

    `on_judged` is told after each chunk how many signals have been judged.
    """
    found, after = _thawed(local, settings, watched)
    correlator = found or Correlator(settings, vantage=watched.vantage)
    judged = 0
    changes: list[IncidentChange] = []
    async for chunk in remaining(local, after, (Stream.SIGNALS,)):
        for entry in chunk.entries:
            signals = [one for one in decode_signals(entry.body) if found is not None or watched.hears(one)]
            judged += len(signals)
            changes += [change for signal in signals for change in correlator.on_signal(signal)]
        on_judged(judged)
    if found is None:
        changes = []  # another program would tell other incidents: those that were told go on instead
        correlator.adopt(last_changes(local), watched.covers)
    return Resumed(correlator, judged, changes, found is not None)


def last_changes(local: SqliteLog) -> Iterable[IncidentChange]:
    """The last change of each scope that the correlator judges, in order of the log."""
    latest = sorted(local.latest(Stream.CHANGE).values(), key=lambda one: one.position)
    return [decode_change(one.body) for one in latest if not one.key.startswith(SINK_PREFIX)]


def thawed(image: Image, settings: CorrelatorSettings, watched: Watched) -> Correlator:
    """The correlator of an image. Raises NotAnImage if another program made it, or one that judged or watched otherwise."""
    if image.code != f"{code_id()}:{watched.id}":
        raise NotAnImage("another version made it, or one that watched something else")
    correlator = Correlator.thaw(image.body)
    if correlator.settings != settings:
        raise NotAnImage("its settings were other ones")
    return correlator


def _thawed(local: SqliteLog, settings: CorrelatorSettings, watched: Watched) -> tuple[Correlator | None, int]:
    """The thawed correlator and its position; None and 0 where the log must be judged again."""
    entry = local.latest(Stream.IMAGE).get(IMAGE_KEY)
    if entry is None:
        return None, 0
    try:
        return thawed(decode_image(entry.body), settings, watched), entry.position
    except ValueError as error:
        log.warning("the correlator's last state is not used (%s); the log is judged again", error)
        return None, 0
