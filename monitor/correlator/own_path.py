"""Measures how slow our own way out is, by how much longer than usual the controls take: no venue is blamed for it. Pure.

Controls stand in nobody's market. If most of them answer twice as slowly at once, our network is slow, and a venue's latency of
twice the usual is explained by it. The ratio is the lower median over the controls that were read lately, against each one's own
robust level.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, inf, log

from monitor.detect.level import RobustLevel
from monitor.signals import Signal, SignalKind

LEVEL_S = 8 * 3600.0
"""Longer than a venue's stream takes to learn a new level: both never forget the old one at different times."""
SCALE = 0.15
"""The least usual spread, in log seconds."""
WARM = 8
RESOLUTION_S = 0.001
RECENT_S = 12.0
"""A control that was not read for so long says nothing of now. They are asked every five seconds."""
MIN_RATIO = 1.25
"""Under this the controls are as usual."""
MIN_CONTROLS = 2
"""One control alone may be slow by itself."""
MAX_CONTROLS = 16
WAIT_S = 10.0
"""So long a rise waits at most for the controls to be read."""
NEVER_S = -inf


@dataclass(slots=True)
class _Control:
    level: RobustLevel = field(default_factory=lambda: RobustLevel(LEVEL_S, SCALE, WARM))
    read_s: float = NEVER_S
    excess: float = 0.0
    """Its last answer above its level, in log seconds."""


class OwnPath:
    """The controls of every vantage."""

    kinds = frozenset({SignalKind.CONTROL})

    def __init__(self) -> None:
        self._controls: dict[str, dict[str, _Control]] = {}
        self._ratios: dict[str, tuple[float, float]] = {}
        """Vantage -> the ratio, and when it was read."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take the latency of a control that answered; one that did not is the matter of LOCAL (`attribution.py`)."""
        if signal.attributes.get("outcome") != "ok":
            return
        controls = self._controls.setdefault(signal.subject.vantage or "local", {})
        name = str(signal.attributes.get("target"))
        control = controls.get(name)
        if control is None:
            if len(controls) >= MAX_CONTROLS:
                return
            control = controls[name] = _Control()
        value = log(max(signal.value, 0.0) + RESOLUTION_S)
        control.excess = value - control.level.level if control.level.seen >= WARM else 0.0
        control.level.learn(value, at_s)
        control.read_s = at_s
        recent = sorted(one.excess for one in controls.values() if at_s - one.read_s <= RECENT_S)
        ratio = exp(recent[(len(recent) - 1) // 2]) if len(recent) >= MIN_CONTROLS else 1.0
        self._ratios[signal.subject.vantage or "local"] = (ratio if ratio >= MIN_RATIO else 1.0, at_s)

    def ratio(self, vantage: str | None, at_s: float) -> float:
        """How many times the usual the controls take from there at this time; 1 where they are as usual or nobody can say."""
        ratio, read_s = self._ratios.get(vantage or "local", (1.0, at_s))
        return ratio if at_s - read_s <= RECENT_S else 1.0

    def slow(self, at_s: float) -> tuple[str, ...]:
        """The vantages from which the controls are slow now, in order of name."""
        return tuple(one for one in sorted(self._controls) if self.ratio(one, at_s) > 1.0)

    def is_open(self, vantage: str | None, since_s: float, now_s: float) -> bool:
        """Whether a rise since then may still turn out to be our own: too few controls were read after it, and soon will be."""
        controls = self._controls.get(vantage or "local", {}).values()
        asked = [one for one in controls if now_s - one.read_s <= RECENT_S]
        if len(asked) < MIN_CONTROLS or now_s - since_s >= WAIT_S:
            return False
        return sum(one.read_s >= since_s for one in asked) < MIN_CONTROLS
