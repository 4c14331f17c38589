"""Finds where what a venue declares contradicts what is measured: "operational" while its requests fail, withdrawals "open" while
its hot wallets pay nothing, an announced end that has passed while the maintenance goes on or requests still fail.

Both sides must be known and fresh. Where one is missing or old, nothing is known, and that is no contradiction.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from monitor.correlator.active_evidence import utc
from monitor.correlator.attribution import TRANSPORT
from monitor.correlator.producer import FAR_PER_DAY, EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

GRADE = 2
RENEWED_S = 10
STATUS_FRESH_S = 200.0
"""A status is asked for once a minute: three answers in a row are missing before it is unknown."""
DOWN_FRESH_S = 90.0
"""One product of a venue may be down while another says that it is operational: both are asked for once a minute."""
WALLET_FRESH_S = 1200.0
"""Wallets are asked for every five minutes: as long as three answers and a bit."""
WINDOW_S = 180.0
MIN_REQUESTS = 10
FAILING_SHARE = 0.5
MAX_REQUESTS = 512
GRACE_S = 180.0
"""How long after its announced end a maintenance may go on, or requests may fail: a venue opens step by step."""
ENDED_KEPT_S = 7200.0
"""How long after an announced end failing requests are still told with it."""
MAX_WALLETS = 4096
MAX_SILENCES = 256
MAX_SILENCE_S = 86_400.0
FAILING = (TRANSPORT - {"local"}) | {"overloaded", "maintenance", "execution_unknown", "venue_error"}
"""Outcomes that say that the venue fails. Throttling, bans and what cannot be read may be our own doing."""
STATUS_CHECK = "system_status"
"""It may be answered by a status page on another host, which says nothing about the venue's service."""
NAMES = {
    "ethereum": {"eth", "erc20", "ethereum"},
    "bsc": {"bsc", "bep20", "bnb", "bnbsmartchain"},
    "arbitrum": {"arb", "arbi", "arbevm", "arbone", "arbitrum", "arbitrumone"},
    "optimism": {"op", "opeth", "optimism"},
    "base": {"base", "baseevm"},
    "polygon": {"matic", "pol", "polygon", "polygonpos"},
    "avalanche": {"avax", "avaxc", "avaxcchain", "avalanche", "avalanchec", "cchain"},
}
"""Our name of a network -> how venues name it, in lower-case letters and digits."""


@dataclass(slots=True)
class _Venue:
    """What one venue said last, and how its requests ended within the window."""

    operational_s: float = float("-inf")
    down_s: float = float("-inf")
    begins_s: float | None = None
    ends_s: float | None = None
    failing_s: float | None = None
    """Since when its requests fail without a pause."""
    outcomes: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=MAX_REQUESTS))

    def says_operational(self, now_s: float) -> bool:
        return not self.says_down(now_s) and now_s - self.operational_s <= STATUS_FRESH_S

    def says_down(self, now_s: float) -> bool:
        return now_s - self.down_s <= DOWN_FRESH_S

    def failures(self, now_s: float) -> list[tuple[float, str]] | None:
        """The failures of the window if requests fail now, in both halves of it; None if they do not, or if it is not known."""
        while self.outcomes and now_s - self.outcomes[0][0] > WINDOW_S:
            self.outcomes.popleft()
        halves: tuple[list[str], list[str]] = ([], [])
        for at_s, outcome in self.outcomes:
            halves[now_s - at_s < WINDOW_S / 2].append(outcome)
        if len(self.outcomes) < MIN_REQUESTS or not all(_fails(half) for half in halves):
            return None
        return [one for one in self.outcomes if one[1] != "ok"]


def _fails(outcomes: list[str]) -> bool:
    return bool(outcomes) and sum(one != "ok" for one in outcomes) >= FAILING_SHARE * len(outcomes)


@dataclass(frozen=True, slots=True)
class _Silence:
    at_s: float
    silent_s: float
    usual_s: float
    event_id: str


class ContradictionsEvidence:
    """What venues declare beside what is measured."""

    kinds = frozenset(
        {
            SignalKind.VENUE_STATUS, SignalKind.REQUEST, SignalKind.WALLET, SignalKind.WALLET_SILENT,
            SignalKind.WALLET_RESUMED, SignalKind.RETRACTION,
        }
    )  # fmt: skip

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._venues: dict[str, _Venue] = {}
        self._wallets: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}
        """(venue, asset) -> the venue's name of a network -> when it was said, and the level."""
        self._silences: dict[tuple[str, str, str], _Silence] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take what a venue declares, or what was measured."""
        subject = signal.subject
        if subject.venue is None:
            return
        match signal.kind:
            case SignalKind.VENUE_STATUS:
                self._status(subject.venue, signal, at_s)
            case SignalKind.REQUEST:
                self._request(subject.venue, signal, at_s)
            case _ if subject.asset is None:
                return
            case SignalKind.WALLET:
                self._wallet((subject.venue, subject.asset), subject.network or "", signal.value, at_s)
            case _:
                self._outflow((subject.venue, subject.asset, subject.network or ""), signal, at_s)

    def _status(self, name: str, signal: Signal, at_s: float) -> None:
        venue = self._of(name)
        begins_s, ends_s = (_number(signal, one) for one in ("begins_s", "ends_s"))
        if signal.value > 0:
            venue.down_s, venue.begins_s, venue.ends_s = at_s, begins_s, ends_s
        elif signal.attributes.get("planned") is not True:
            venue.operational_s = at_s
        elif venue.ends_s is None or at_s > venue.ends_s + ENDED_KEPT_S:
            venue.begins_s, venue.ends_s = begins_s, ends_s  # a window to come

    def _request(self, name: str, signal: Signal, at_s: float) -> None:
        outcome = str(signal.attributes.get("outcome", "ok"))
        counts = outcome == "ok" or (outcome in FAILING and signal.attributes.get("ours") is not True)
        if not counts or signal.attributes.get("check") == STATUS_CHECK:
            return
        attribution = self._board.attribution
        if outcome in TRANSPORT and (attribution.own_lag.explains(signal) or attribution.in_doubt(signal)):
            return
        self._of(name).outcomes.append((at_s, outcome))

    def _of(self, name: str) -> _Venue:
        venue = self._venues.get(name)
        if venue is None:
            venue = self._venues[name] = _Venue()
        return venue

    def _wallet(self, key: tuple[str, str], network: str, level: float, at_s: float) -> None:
        if key not in self._wallets and len(self._wallets) >= MAX_WALLETS:
            del self._wallets[next(iter(self._wallets))]
        networks = self._wallets.setdefault(key, {})
        networks[network] = (at_s, level)
        for old in [one for one, (said_s, _) in networks.items() if at_s - said_s > WALLET_FRESH_S]:
            del networks[old]

    def _outflow(self, key: tuple[str, str, str], signal: Signal, at_s: float) -> None:
        silence = self._silences.get(key)
        if signal.kind is SignalKind.WALLET_SILENT:
            per_day = _number(signal, "per_day")
            if per_day is None or per_day > FAR_PER_DAY[GRADE]:
                return
            while key not in self._silences and len(self._silences) >= MAX_SILENCES:
                del self._silences[next(iter(self._silences))]
            first = silence.event_id if silence else str(signal.attributes.get("event_id", ""))
            self._silences[key] = _Silence(at_s, signal.value, _number(signal, "usual_s") or 0.0, first)
        elif signal.kind is SignalKind.WALLET_RESUMED:
            self._silences.pop(key, None)  # its evidence fades
        elif silence is not None and signal.attributes.get("retracts") == silence.event_id:
            del self._silences[key]
            self._board.withdraw(":".join(("declared_open", key[1], key[0], key[2])), retracted=True)

    def on_second(self, now_s: float) -> None:
        """Compare both sides, every ten seconds; forget outcomes while our own network is down."""
        if self._board.attribution.local_now(now_s):
            for venue in self._venues.values():
                venue.outcomes.clear()
        if int(now_s) % RENEWED_S:
            return
        for name in sorted(self._venues):
            self._compare(name, self._venues[name], now_s)
        for key in [one for one, silence in self._silences.items() if now_s - silence.at_s > MAX_SILENCE_S]:
            del self._silences[key]
        for key in sorted(self._silences):
            self._compare_wallet(key, self._silences[key], now_s)

    def _compare(self, name: str, venue: _Venue, now_s: float) -> None:
        failures = venue.failures(now_s)
        venue.failing_s = None if failures is None else venue.failing_s or failures[0][0]
        late_s = None if venue.ends_s is None else now_s - venue.ends_s
        passed = late_s is not None and late_s > GRACE_S
        if venue.says_down(now_s) and late_s is not None and passed:
            self._overdue(name, venue, late_s, now_s, "it still says so")
        elif failures is None:
            return
        elif late_s is not None and passed and late_s <= ENDED_KEPT_S and _since_the_end(venue):
            self._overdue(name, venue, late_s, now_s, f"requests still fail: {_worst(failures)}")
        elif venue.says_operational(now_s) and not _in_window(venue, now_s):
            self._unaware(name, venue, failures, now_s)

    def _unaware(self, name: str, venue: _Venue, failures: list[tuple[float, str]], now_s: float) -> None:
        share = len(failures) / len(venue.outcomes)
        self._put(
            "declared_operational", Subject(venue=name), (failures[0][0], now_s), (share, 0.0, "share of requests"),
            f"{name} says that it is operational, but {share:.0%} of its requests failed in the last "
            f"{WINDOW_S / 60:.0f} min ({_worst(failures)})",
        )  # fmt: skip

    def _overdue(self, name: str, venue: _Venue, late_s: float, now_s: float, rest: str) -> None:
        assert venue.ends_s is not None
        self._put(
            "overdue_end", Subject(venue=name), (venue.ends_s, now_s), (late_s, GRACE_S, "s"),
            f"{name} announced that its maintenance would end at {utc(venue.ends_s):%H:%M} UTC, "
            f"{late_s / 60:.0f} min ago; {rest}",
        )  # fmt: skip

    def _compare_wallet(self, key: tuple[str, str, str], silence: _Silence, now_s: float) -> None:
        name, asset, network = key
        if not self._says_open(name, asset, network, now_s):
            return
        silent_s = silence.silent_s + now_s - silence.at_s
        self._put(
            "declared_open", Subject(asset=asset, venue=name), (silence.at_s - silence.silent_s, now_s),
            (silent_s, silence.usual_s, "s"),
            f"{name} says that withdrawals of {asset} over {network or 'its network'} are open, but its hot wallets paid out "
            f"nothing for {silent_s:.0f} s (their rhythm allows {silence.usual_s:.0f} s)",
            network,
        )  # fmt: skip

    def _says_open(self, venue: str, asset: str, network: str, now_s: float) -> bool:
        """Whether the venue says that this network is open: by its name, else because it says so of every network."""
        said = self._wallets.get((venue, asset), {})
        fresh = {name: level for name, (at_s, level) in said.items() if now_s - at_s <= WALLET_FRESH_S}
        named = [level for name, level in fresh.items() if _letters(name) in NAMES.get(network, {_letters(network)})]
        levels = named or list(fresh.values())
        return bool(levels) and min(levels) >= 1.0

    def _put(
        self,
        what: str,
        subject: Subject,
        times: tuple[float, float],
        figures: tuple[float, float, str],
        said: str,
        key: str = "",
    ) -> None:
        onset_s, now_s = times
        value, normal, unit = figures
        self._board.put(
            Finding(
                name=what, leg=Leg.VENUE, subject=subject, key=key, grade=GRADE, onset_s=onset_s, at_s=now_s,
                half_life_s=self._board.settings.venue_half_life_s, value=value, normal=normal, unit=unit, said=said,
            )
        )  # fmt: skip


def _since_the_end(venue: _Venue) -> bool:
    """Whether requests fail ever since the announced end: a later outage is another one."""
    assert venue.ends_s is not None
    assert venue.failing_s is not None
    return venue.failing_s <= venue.ends_s + GRACE_S


def _in_window(venue: _Venue, now_s: float) -> bool:
    """Whether an announced window is under way now, by its stamps, or has just ended."""
    return (
        venue.begins_s is not None
        and venue.ends_s is not None
        and venue.begins_s <= now_s <= venue.ends_s + GRACE_S
    )  # fmt: skip


def _number(signal: Signal, name: str) -> float | None:
    value = signal.attributes.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _letters(name: str) -> str:
    return "".join(one for one in name.lower() if one.isalnum())


def _worst(failures: list[tuple[float, str]]) -> str:
    counted = Counter(outcome for _, outcome in failures)
    return ", ".join(f"{one} {count}" for one, count in sorted(counted.items(), key=lambda each: (-each[1], each[0])))


PRODUCER = ContradictionsEvidence
