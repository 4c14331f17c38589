"""Whose fault: our own network (LOCAL), the way to one venue (PATH), one VENUE, or the MARKET (facts: detection §2).

Targets are the venues and the neutral controls, all asked at one cadence. A target is down when all its checks' last two
outcomes failed in transport (time-out, DNS, refused, reset, TLS). When at least 80 % of targets are down, controls among
them, the fault is ours: nothing is said of the venues, and nothing from here is believed until a while after.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.settings import CorrelatorSettings
from monitor.signals import Signal, SignalKind

TRANSPORT = frozenset({"timeout", "dns", "refused", "reset", "tls"})
ROUNDS = 2
FRESH_S = 60.0
"""A check not heard for this long says nothing of now: an hourly check must not speak for its venue."""


@dataclass(slots=True)
class _Check:
    at_s: float = 0.0
    failed: int = 0
    """Failures in transport in a row, up to now."""


@dataclass(slots=True)
class _Target:
    control: bool
    checks: dict[str, _Check] = field(default_factory=dict)

    def live(self, now_s: float) -> bool:
        """Whether any of its checks was heard of late."""
        return any(now_s - one.at_s <= FRESH_S for one in self.checks.values())

    def down(self, rounds: int, now_s: float) -> bool:
        """Whether each fresh check's last `rounds` outcomes failed in transport."""
        return self.live(now_s) and all(
            one.failed >= rounds for one in self.checks.values() if now_s - one.at_s <= FRESH_S
        )


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
        state = target.checks.setdefault(check, _Check())
        state.failed = state.failed + 1 if outcome in TRANSPORT else 0
        state.at_s = at_s

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
