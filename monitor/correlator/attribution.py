"""Finds whose fault it is: our own network (LOCAL), the path to one venue (PATH), one VENUE, or the MARKET.

Targets are the venues and the neutral controls, all asked at one cadence. A target is down when one of its checks failed in
transport twice (time-out, DNS, refused, reset, TLS, local) and it answered nothing in between. When at least 80 % of the targets
are down, all controls among them, the fault is ours: readings from this vantage are not trusted until some time after, and
venues are not judged unless another vantage is healthy. Several vantages say together whether a venue fails or the way to it
(`vantages.py`; docs/detection.md, "Attribution").
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.own_lag import OwnLag
from monitor.correlator.own_path import OwnPath
from monitor.correlator.settings import CorrelatorSettings
from monitor.correlator.vantages import NETWORKS, NOBODY, VantageView, distinct, who_sees
from monitor.correlator.watermarks import AWAY_S
from monitor.signals import Signal, SignalKind

TRANSPORT = frozenset({"timeout", "dns", "refused", "reset", "tls", "local"})
"""`local`: our own machine could not send. Where it happens to nearly all targets, the fault is ours, as with the network."""
ROUNDS = 2
FRESH_S = 60.0
"""The state of a target that was not asked for so long is unknown."""
REMEMBERED_S = 3600.0
"""A target that was not asked for so long is none any more."""
_RECENT = 0xFF
"""The last eight outcomes of a target, one bit each."""
_ILL = 4
"""So many bad ones of them, answers among them, and the target fails from there: single failures are everywhere."""
EXCUSED_S = 900.0
"""What was found to be no venue's fault stays that while its evidence fades: three half-lives."""


@dataclass(slots=True)
class _Target:
    control: bool
    at_s: float = 0.0
    failed: dict[str, int] = field(default_factory=dict)
    """Check -> transport failures since the last answer to any check: an answer proves that the target is reached."""
    bad: int = 0
    """Its last outcomes, one bit each: 1 if bad."""

    def record(self, check: str, failed: bool, at_s: float, *, bad: bool = False) -> None:
        """Record one outcome; `bad`: it failed, or the answer was none that helps."""
        self.at_s = at_s
        self.bad = (self.bad << 1 | bad) & _RECENT
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

    def failing(self, now_s: float) -> bool:
        """Whether it is down, or most of what it answered lately was bad."""
        return self.down(ROUNDS, now_s) or (self.live(now_s) and self.bad.bit_count() >= _ILL)


class Attribution:
    """Holds each target's last outcomes, by vantage."""

    kinds = frozenset({SignalKind.REQUEST, SignalKind.CONTROL, SignalKind.TICK})

    def __init__(self, settings: CorrelatorSettings) -> None:
        self._settings = settings
        self.own_lag = OwnLag()
        """When we were late ourselves: failures that this explains are nobody's."""
        self.own_path = OwnPath()
        """How slow our own way out is: latencies that this explains are nobody's."""
        self._targets: dict[str, dict[str, _Target]] = {}
        self.local_since_s: dict[str, float] = {}
        self.local_until_s: dict[str, float] = {}
        self.suspected = False
        """Whether our own network may be at fault now: one round failed at nearly all targets. No other vantage is healthy."""
        self._doubted: frozenset[str] = frozenset()
        """Vantages whose network may be at fault now."""
        self._doubted_until_s: dict[str, float] = {}
        """The latest second in which it was, by vantage."""
        self._excused: dict[str, tuple[float, VantageView]] = {}
        """Venue -> when it was last seen to fail by no fault of its own, and by whom."""
        self._ticks: dict[str, float] = {}
        """The last tick of each vantage that ticks."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take the outcome of one request, or the clock of a vantage."""
        if signal.kind is SignalKind.TICK:
            self._ticks[signal.subject.vantage or "local"] = at_s
            return
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
        bad = outcome != "ok" and signal.attributes.get("ours") is not True
        target.record(check, outcome in TRANSPORT, at_s, bad=bad)

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
        self._doubted = frozenset(
            vantage
            for vantage in self._targets
            if vantage in self.local_since_s
            or self._share_down(vantage, 1, now_s) >= self._settings.local_share
            or self._controls_down_here_alone(vantage, now_s)
        )
        self._doubted_until_s |= dict.fromkeys(self._doubted, now_s)
        self.suspected = bool(self._doubted) and not self.healthy(now_s)
        self._excuse(now_s)
        return changed

    def _controls_down_here_alone(self, vantage: str, now_s: float) -> bool:
        """Whether every control is down from here, while another vantage reaches one: the fault is on this side."""
        if len(self._targets) < 2 or self._reaches_a_control(vantage, now_s) is not False:
            return False
        return any(self._reaches_a_control(one, now_s) for one in self._targets if one != vantage)

    def _reaches_a_control(self, vantage: str, now_s: float) -> bool | None:
        """Whether a control answers there; None if none was asked lately."""
        controls = [one for one in self._targets[vantage].values() if one.control and one.live(now_s)]
        return any(not one.down(ROUNDS, now_s) for one in controls) if controls else None

    def _excuse(self, now_s: float) -> None:
        if len(self._targets) < 2:
            return
        healthy = frozenset(self.healthy(now_s))
        for venue in sorted({name for targets in self._targets.values() for name in targets}):
            seen = self._seen(venue, now_s, healthy)
            if seen.fault is not None:
                self._excused[venue] = (now_s, seen)
            elif seen.failing or now_s - self._excused.get(venue, (now_s, seen))[0] > EXCUSED_S:
                self._excused.pop(venue, None)

    def in_doubt(self, signal: Signal) -> bool:
        """Whether our own network may have been at fault while a value was measured: a span that ended at its receipt."""
        vantage = signal.subject.vantage or "local"
        known = vantage in self._targets
        if self.suspected or (vantage in self._doubted if known else self._doubted):
            return True
        until_s = self._doubted_until_s.values() if not known else (self._doubted_until_s.get(vantage, float("-inf")),)
        return signal.received_at.timestamp() - max(signal.value, 0.0) <= max(until_s, default=float("-inf"))

    def set_aside(self, signal: Signal) -> bool:
        """Whether a signal is left to the healthy vantages: its own is in doubt, and they can be asked."""
        return not self.suspected and (signal.subject.vantage or "local") in self._doubted

    def healthy(self, now_s: float) -> list[str]:
        """The vantages that ask, and whose own network is not in doubt, in order of name."""
        return [
            one
            for one in sorted(self._targets)
            if one not in self._doubted
            and one not in self.local_since_s
            and self.asked(one, now_s)
            and self._is_here(one, now_s)
        ]

    def _is_here(self, vantage: str, now_s: float) -> bool:
        """Whether the clock of one of several vantages ticks: else what it saw last says nothing about now."""
        return len(self._targets) < 2 or now_s - self._ticks.get(vantage, now_s) <= AWAY_S

    def corroborated(self, now_s: float) -> bool:
        """Whether two healthy vantages on different networks look: what one does not see, another may."""
        return len(self._targets) > 1 and distinct(self.healthy(now_s), self._settings.networks) >= NETWORKS

    def local_now(self, now_s: float) -> bool:
        """Whether our own network is down, and no other vantage is healthy: nothing can be judged."""
        return bool(self.local_since_s) and not self.healthy(now_s)

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

    def sight(self, venue: str, now_s: float) -> VantageView:
        """Who sees a venue fail and who reaches it. If nobody sees it fail now: as it was when one last did."""
        if len(self._targets) < 2:
            return NOBODY
        seen = self._seen(venue, now_s, frozenset(self.healthy(now_s)))
        excused = self._excused.get(venue)
        if excused is None or seen.failing or seen.fault is not None:
            return seen
        return excused[1]

    def _seen(self, venue: str, now_s: float, healthy: frozenset[str]) -> VantageView:
        failing: list[str] = []
        reaching: list[str] = []
        doubted: list[str] = []
        for vantage, targets in self._targets.items():
            target = targets.get(venue)
            if target is None or not target.live(now_s):
                continue
            if not target.failing(now_s):
                if vantage in healthy:
                    reaching.append(vantage)
            else:
                (failing if vantage in healthy else doubted).append(vantage)
        if not failing and not doubted:
            return NOBODY
        return who_sees(failing, reaching, doubted, self._settings.networks)
