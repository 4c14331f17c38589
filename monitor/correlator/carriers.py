"""Gives a source that several vantages watch one voice: the facts of one of them count, so that nothing counts twice. Pure.

The first vantage that tells of a source carries it. When it is blind, silent or away, and another one sees, that one carries it
from then on: its claims are sent again, and its liquidations since the last word of the first. What is about the way to a venue
(requests, controls, clocks) passes from every vantage, and an event of a chain from whichever tells of it first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from math import floor

import msgspec

from monitor.correlator.coverage import BLINDING, MAX_CLAIMS, NOT_PLAIN
from monitor.correlator.watermarks import AWAY_S
from monitor.signals import Signal, SignalKind
from monitor.signals.kinds import KINDS, ORDERED_AT

OF_THE_PATH = frozenset(
    {
        SignalKind.EXPECT,
        SignalKind.TICK,
        SignalKind.LOOP_LAG,
        SignalKind.REQUEST,
        SignalKind.MISSED_SLOT,
        SignalKind.HEADROOM,
        SignalKind.CONTROL,
        SignalKind.NODE_FAULT,
    }
)
"""What each vantage sees for itself."""
UNDECLARED_GAP_S = 60.0
MAX_HELD = 500
"""Liquidations of one source at one vantage that are kept for the case that it takes over."""
SAME_S = 1.0
"""What two vantages saw within so long may be the same: after a handover it counts as seen, not twice."""
MAX_VOICES = 16
"""Vantages of one source. What a further one tells of it does not count."""
MAX_EVENTS = 20_000
_EVENT_NAMES = ("event_id", "retracts", "upgrade")
"""The attributes by which an event of a chain is the same on every node: its own id, or that of the event it is about."""
EVENTS = frozenset(kind for kind, one in KINDS.items() if any(name in one.attributes for name in _EVENT_NAMES))
_Event = tuple[SignalKind, str | None, str, str]


class _Voice:
    """What one vantage tells of a source. `down`: it is known to be blind; `last_s`: its last sign of life."""

    __slots__ = ("claims", "down", "held", "last_s", "vantage")

    def __init__(self, vantage: str | None, at_s: float) -> None:
        self.vantage = vantage
        self.down = False
        self.last_s = at_s
        self.claims: dict[tuple[str, str | None], Signal] = {}
        self.held: deque[tuple[float, Signal]] = deque(maxlen=MAX_HELD)

    def hear(self, signal: Signal, at_s: float) -> None:
        """Take a signal as a sign of life, a loss of sight or a claim."""
        kind, of = signal.kind, signal.attributes
        if kind is SignalKind.CLAIM:
            key = (str(of.get("channel", "")), signal.subject.instrument)
            if key in self.claims or len(self.claims) < MAX_CLAIMS:
                self.claims[key] = signal
        elif of.get("ours") is True:
            return
        elif kind is SignalKind.REQUEST and of.get("outcome", "ok") != "ok":
            self.down = True
        elif kind not in NOT_PLAIN:
            self.down, self.last_s = False, max(at_s, self.last_s)
        elif kind in BLINDING and of.get("planned") is not True:
            self.down = True


class _Source:
    __slots__ = ("carrier", "gap_s", "voices")

    def __init__(self) -> None:
        self.gap_s = UNDECLARED_GAP_S
        self.voices: dict[str | None, _Voice] = {}
        self.carrier: _Voice | None = None


class Carriers:
    """Which vantage carries each source, and what the others saw of it since."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._ticks: dict[str | None, float] = {}
        self._events: dict[_Event, str | None] = {}
        """Event -> the vantage that reported it first."""

    def admit(self, signal: Signal, at_s: float) -> Sequence[Signal]:
        """What counts of a signal: itself, nothing, or more where its vantage takes over. `at_s`: unix seconds of receipt."""
        kind, vantage = signal.kind, signal.subject.vantage
        if kind is SignalKind.TICK:
            self._ticks[vantage] = at_s
            return (signal,)
        source = self._sources.get(signal.source)
        if source is None:
            source = self._sources[signal.source] = _Source()
        if kind is SignalKind.EXPECT:
            source.gap_s = signal.value
            return (signal,)
        voice = source.voices.get(vantage)
        if voice is None:
            if len(source.voices) >= MAX_VOICES:
                return (signal,) if kind in OF_THE_PATH else ()
            voice = source.voices[vantage] = _Voice(vantage, at_s)
        voice.hear(signal, at_s)
        if kind in OF_THE_PATH:
            return (signal,)
        if kind in EVENTS:
            return (signal,) if self._is_first(signal) else ()
        carrier = source.carrier = source.carrier or voice
        if voice is carrier:
            return (signal,)
        if kind in NOT_PLAIN or kind is SignalKind.CLAIM or not self._is_lost(carrier, source.gap_s, at_s):
            if kind is SignalKind.LIQUIDATION:
                voice.held.append((at_s, signal))
            return ()
        source.carrier = voice
        return (*voice.claims.values(), *_held_since(voice, carrier.last_s + SAME_S, at_s), signal)

    def _is_lost(self, carrier: _Voice, gap_s: float, at_s: float) -> bool:
        """Whether the carrier of a source is blind, silent for longer than its gap, or its vantage away."""
        if carrier.down or at_s - carrier.last_s > gap_s:
            return True
        return at_s - self._ticks.get(carrier.vantage, at_s) > AWAY_S

    def _is_first(self, signal: Signal) -> bool:
        """Whether its vantage reported this event first; the same one reports again what was undone in between."""
        vantage, of = signal.subject.vantage, signal.attributes
        known = next((str(of[name]) for name in _EVENT_NAMES if name in of), str(signal.seq))
        first = self._events.setdefault((signal.kind, signal.subject.asset, known, str(of.get("by", ""))), vantage)
        if len(self._events) > MAX_EVENTS:
            del self._events[next(iter(self._events))]
        return first == vantage


def _held_since(voice: _Voice, since_s: float, at_s: float) -> Iterator[Signal]:
    """The liquidations that were held back since then. They count in their own seconds, as late ones do."""
    held = [one for held_s, one in voice.held if held_s > since_s]
    voice.held.clear()
    for one in held:
        yield msgspec.structs.replace(one, attributes={**one.attributes, ORDERED_AT: floor(at_s)})
