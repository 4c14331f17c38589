"""Whose fault: our own network (LOCAL), the way to one venue (PATH), one VENUE, or the MARKET (facts: detection §2).

Targets are the venues and the neutral controls, all asked at one cadence. A target is down when one of its checks
failed in transport twice (time-out, DNS, refused, reset, TLS) and it answered nothing meanwhile.
When at least 80 % of targets are down, controls among
them, the fault is ours: nothing is said of the venues, and nothing from here is believed until a while after.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.settings import CorrelatorSettings
from monitor.signals import Signal, SignalKind

TRANSPORT = frozenset({"timeout", "dns", "refused", "reset", "tls"})
ROUNDS = 2
FRESH_S = 60.0
"""A target not asked for this long says nothing of now."""


@dataclass(slots=True)
class _Target:
    control: bool
    at_s: float = 0.0
    failed: dict[str, int] = field(default_factory=dict)
    """Failures in transport by check since the last answer to anything: an answer proves that the target is reached."""

    def hear(self, check: str, failed: bool, at_s: float) -> None:
        """Take one outcome."""
        self.at_s = at_s
        if failed:
            self.failed[check] = self.failed.get(check, 0) + 1
        else:
            self.failed.clear()

    def live(self, now_s: float) -> bool:
        """Whether it was asked of late."""
        return now_s - self.at_s <= FRESH_S

    def down(self, rounds: int, now_s: float) -> bool:
        """Whether some check failed in transport `rounds` times and nothing was answered meanwhile."""
        return self.live(now_s) and max(self.failed.values(), default=0) >= rounds


class Attribution:
    """Keeps each target's last outcomes, per vantage."""

    kinds = frozenset({SignalKind.REQUEST, SignalKind.CONTROL})

    def __init__(self, settings: CorrelatorSettings) -> None:
        self._settings = settings
        self._targets: dict[str, dict[str, _Target]] = {}
        self.local_since_s: dict[str, float] = {}
        self.local_until_s: dict[str, float] = {}
        self.suspected = False
        """Whether our own network may be at fault right now: one round already failed nearly everywhere."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take the outcome of one request."""
        outcome = str(signal.attributes.get("outcome", "ok"))
        if signal.attributes.get("ours") is True and outcome == "budget":
            return  # nothing was asked
        control = signal.kind is SignalKind.CONTROL
        name = f"control:{signal.attributes.get('target')}" if control else str(signal.subject.venue)
        targets = self._targets.setdefault(signal.subject.vantage or "local", {})
        target = targets.get(name)
        if target is None:
            target = targets[name] = _Target(control)
        check = f"{signal.attributes.get('check', '')}/{signal.subject.instrument or ''}"
        target.hear(check, outcome in TRANSPORT, at_s)

    def _share_down(self, vantage: str, rounds: int, now_s: float) -> float:
        live = [one for one in self._targets[vantage].values() if one.live(now_s)]
        if len(live) < 2 or any(one.control and not one.down(rounds, now_s) for one in live):
            return 0.0
        return sum(one.down(rounds, now_s) for one in live) / len(live)

    def on_second(self, now_s: float) -> list[tuple[str, bool]]:
        """Vantages that became LOCAL (True) or came back (False) with this second, in order of name."""
        changed = []
        for vantage in sorted(self._targets):
            local = self._share_down(vantage, ROUNDS, now_s) >= self._settings.local_share
            if local:
                self.local_until_s[vantage] = now_s + self._settings.local_cooldown_s
            if local and vantage not in self.local_since_s:
                self.local_since_s[vantage] = now_s
                changed.append((vantage, True))
            elif vantage in self.local_since_s and now_s >= self.local_until_s[vantage]:
                del self.local_since_s[vantage]
                changed.append((vantage, False))
        self.suspected = bool(self.local_since_s) or any(
            self._share_down(vantage, 1, now_s) >= self._settings.local_share for vantage in self._targets
        )
        return changed

    @property
    def vantages(self) -> int:
        """Places we look from."""
        return len(self._targets)

    def elsewhere_good(self, venue: str, now_s: float) -> bool:
        """Whether a second vantage still reaches a venue that another does not: the way there is at fault."""
        states = [targets[venue].down(ROUNDS, now_s) for targets in self._targets.values() if venue in targets]
        return len(states) > 1 and any(states) and not all(states)
