"""Finds whose fault it is: our own network (LOCAL), the path to one venue (PATH), one VENUE, or the MARKET.

Targets are the venues and the neutral controls, all asked at one cadence. A target is down when one of its checks failed in
transport twice (time-out, DNS, refused, reset, TLS, local) and it answered nothing in between. When at least 80 % of the targets
are down, all controls among them, the fault is ours: venues are not judged, and readings from this vantage are not trusted
until some time after (docs/detection.md, "Attribution").
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.own_lag import OwnLag
from monitor.correlator.settings import CorrelatorSettings
from monitor.signals import Signal, SignalKind

TRANSPORT = frozenset({"timeout", "dns", "refused", "reset", "tls", "local"})
"""`local`: our own machine could not send. Where it happens to nearly all targets, the fault is ours, as with the network."""
ROUNDS = 2
FRESH_S = 60.0
"""The state of a target that was not asked for so long is unknown."""
REMEMBERED_S = 3600.0
"""A target that was not asked for so long is none any more."""


@dataclass(slots=True)
class _Target:
    control: bool
    at_s: float = 0.0
    failed: dict[str, int] = field(default_factory=dict)
    """Check -> transport failures since the last answer to any check: an answer proves that the target is reached."""

    def record(self, check: str, failed: bool, at_s: float) -> None:
        """Record one outcome."""
        self.at_s = at_s
        if failed:
            self.failed[check] = self.failed.get(check, 0) + 1
        else:
            self.failed.clear()

    def live(self, now_s: float) -> bool:
        """Whether it was asked recently."""
        return now_s - self.at_s <= FRESH_S

    def down(self, rounds: int, now_s: float) -> bool:
        """Whether some check failed in transport `rounds` times and no check was answered in between."""
        return self.live(now_s) and max(self.failed.values(), default=0) >= rounds


class Attribution:
    """Holds each target's last outcomes, by vantage."""

    kinds = frozenset({SignalKind.REQUEST, SignalKind.CONTROL})

    def __init__(self, settings: CorrelatorSettings) -> None:
        self._settings = settings
        self.own_lag = OwnLag()
        """When we were late ourselves: failures that this explains are nobody's."""
        self._targets: dict[str, dict[str, _Target]] = {}
        self.local_since_s: dict[str, float] = {}
        self.local_until_s: dict[str, float] = {}
        self.suspected = False
        """Whether our own network may be at fault now: one round failed at nearly all targets."""
        self._doubted_until_s = float("-inf")
        """The latest second in which it was."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take the outcome of one request."""
        outcome = str(signal.attributes.get("outcome", "ok"))
        if signal.attributes.get("ours") is True and outcome == "budget":
            return  # no request was sent
        if outcome in TRANSPORT and self.own_lag.explains(signal):
            return
        control = signal.kind is SignalKind.CONTROL
        name = f"control:{signal.attributes.get('target')}" if control else str(signal.subject.venue)
        targets = self._targets.setdefault(signal.subject.vantage or "local", {})
        target = targets.get(name)
        if target is None:
            target = targets[name] = _Target(control)
        check = f"{signal.attributes.get('check', '')}/{signal.subject.instrument or ''}"
        target.record(check, outcome in TRANSPORT, at_s)

    def adopt(self, vantage: str, since_s: float) -> None:
        """Continue a failure of our own network that an earlier program saw: it ends when the targets answer."""
        self._targets.setdefault(vantage, {})
        self.local_since_s.setdefault(vantage, since_s)
        self.local_until_s.setdefault(vantage, since_s)

    def _share_down(self, vantage: str, rounds: int, now_s: float) -> float:
        """The share of the targets that are down. Where a control is not heard any more, what is not heard may be down too:

        else a failure of our own network that nobody asks about any more would let its evidence against venues stand.
        """
        known = [one for one in self._targets[vantage].values() if now_s - one.at_s <= REMEMBERED_S]
        live = [one for one in known if one.live(now_s)]
        unheard = len(known) - len(live) if any(one.control and not one.live(now_s) for one in known) else 0
        if not live or len(live) + unheard < 2 or any(one.control and not one.down(rounds, now_s) for one in live):
            return 0.0
        down = sum(one.down(rounds, now_s) for one in live)
        return (down + unheard) / (len(live) + unheard) if down else 0.0

    def on_second(self, now_s: float) -> list[tuple[str, bool]]:
        """Vantages that became LOCAL (True) or recovered (False) in this second, in order of name."""
        changed = []
        for vantage in sorted(self._targets):
            local = self._share_down(vantage, ROUNDS, now_s) >= self._settings.local_share
            if local:
                self.local_until_s[vantage] = now_s + self._settings.local_cooldown_s
            if local and vantage not in self.local_since_s:
                self.local_since_s[vantage] = now_s
                changed.append((vantage, True))
            elif vantage in self.local_since_s and self._is_over(vantage, now_s):
                del self.local_since_s[vantage]
                changed.append((vantage, False))
        self.suspected = bool(self.local_since_s) or any(
            self._share_down(vantage, 1, now_s) >= self._settings.local_share for vantage in self._targets
        )
        if self.suspected:
            self._doubted_until_s = now_s
        return changed

    def in_doubt(self, signal: Signal) -> bool:
        """Whether our own network may have been at fault while a value was measured: a span that ended at its receipt."""
        return self.suspected or signal.received_at.timestamp() - max(signal.value, 0.0) <= self._doubted_until_s

    def _is_over(self, vantage: str, now_s: float) -> bool:
        """Targets answer since `local_cooldown_s`; or none was asked for as long as an incident is held blind."""
        over_s = now_s - self.local_until_s[vantage]
        return over_s >= (0.0 if self.asked(vantage, now_s) else self._settings.held_blind_max_s)

    def asked(self, vantage: str, now_s: float) -> bool:
        """Whether some target was asked recently from there: else nobody knows how our network is."""
        return any(one.live(now_s) for one in self._targets[vantage].values())

    @property
    def vantages(self) -> int:
        """How many places we probe from."""
        return len(self._targets)

    def elsewhere_good(self, venue: str, now_s: float) -> bool:
        """Whether one vantage reaches a venue that another does not: then the path is at fault."""
        states = [targets[venue].down(ROUNDS, now_s) for targets in self._targets.values() if venue in targets]
        return len(states) > 1 and any(states) and not all(states)
