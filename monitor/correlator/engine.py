"""The correlator: signals in, incident changes out. Joins sequencer, producers, coverage, fusion and episodes.

No wall clock, no unordered iteration, no chance: one log gives one list of changes and one digest. Each completed second of
event time is judged once, for every venue that is spoken of and for every asset. What it keeps can be frozen at any signal and
thawed elsewhere: it goes on as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Self

import msgspec

from monitor.correlator.active_evidence import ActiveEvidence, utc
from monitor.correlator.assessment import Assessment, AssetAssessor
from monitor.correlator.attribution import Attribution
from monitor.correlator.change_writer import ChangeWriter
from monitor.correlator.coverage import Coverage
from monitor.correlator.episodes import Episode, Observation
from monitor.correlator.evidence import names, producers
from monitor.correlator.freezing import NotAnImage, pack, unpack
from monitor.correlator.producer import EvidenceBoard
from monitor.correlator.sequencer import Second, Sequencer
from monitor.correlator.settings import CorrelatorSettings
from monitor.correlator.venues import VenueAssessor
from monitor.incidents import IncidentChange, Leg, LegState, Level, Verdict
from monitor.signals import Signal, SignalKind

LOCAL_LOOKS_BACK_S = 30.0
"""How long before our network was known to be down the findings on venues are not believed either."""
EMPTY_DIGEST = sha256().hexdigest()
_encode = msgspec.json.Encoder(order="deterministic").encode
_FROZEN = (
    "settings", "_sequencer", "_coverage", "_evidence", "_attribution", "_assessor", "_change_writer", "_venue_assessor",
    "_producers", "_episodes", "_live_venues", "_latest", "_verdicts", "_digest",
)  # fmt: skip
"""Everything that lasts from one signal to the next."""


class Correlator:
    """See the module. `vantage` names the place whose controls judge LOCAL where signals do not say."""

    def __init__(self, settings: CorrelatorSettings | None = None, *, vantage: str = "local") -> None:
        self.settings = settings or CorrelatorSettings()
        s = self.settings
        self._sequencer = Sequencer(max(s.lateness_ws_s, s.lateness_rest_s, s.lateness_chain_s))
        self._coverage = Coverage()
        self._evidence = ActiveEvidence(self._coverage)
        self._attribution = Attribution(s)
        self._assessor = AssetAssessor(s, self._coverage, self._evidence, self._attribution)
        self._venue_assessor = VenueAssessor(s, self._coverage, self._evidence, self._attribution)
        self._change_writer = ChangeWriter(s, self._evidence)
        self._producers = dict(producers(EvidenceBoard(s, self._coverage, self._evidence, self._attribution)))
        self._episodes: dict[str, Episode] = {}
        self._live_venues: dict[str, Episode] = {}
        """Venues whose episode is open or about to open."""
        self._latest: dict[str, IncidentChange] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._digest = EMPTY_DIGEST
        self._connect()

    def _connect(self) -> None:
        self._takers: dict[SignalKind, list[Callable[[Signal, float], None]]] = {kind: [] for kind in SignalKind}
        self._closers: list[Callable[[float], None]] = []
        for producer in self._producers.values():
            for kind in sorted(producer.kinds):
                self._takers[kind].append(producer.on_signal)
            self._closers.append(producer.on_second)
        for kind in sorted(Attribution.kinds):
            self._takers[kind].append(self._attribution.on_signal)

    def freeze(self) -> bytes:
        """All that is known and held back, between two signals: own images only are thawed, never a stranger's."""
        return pack({name: getattr(self, name) for name in _FROZEN})

    @classmethod
    def thaw(cls, image: bytes) -> Self:
        """A correlator that goes on where `freeze` was called, with the settings it had. Raises NotAnImage.

        An image is good for the code that made it; after another version was put in place, live the signals again.
        """
        kept = unpack(image)
        if tuple(kept) != _FROZEN or tuple(kept["_producers"]) != names():
            raise NotAnImage("the image was made with other parts")
        thawed = cls.__new__(cls)
        thawed.__setstate__(kept)
        return thawed

    def __setstate__(self, kept: Mapping[str, object]) -> None:
        for name, one in kept.items():
            setattr(self, name, one)
        self._connect()

    @property
    def late(self) -> int:
        """Signals that came after their second had been judged."""
        return self._sequencer.late

    def on_signal(self, signal: Signal) -> Sequence[IncidentChange]:
        """Take one signal in arrival order; give what changed."""
        told: list[IncidentChange] = []
        for second in self._sequencer.push(signal):
            told += self._judge(second)
        return told

    def finish(self) -> Sequence[IncidentChange]:
        """Judge everything still held back: nothing more will come."""
        return [change for second in self._sequencer.flush() for change in self._judge(second)]

    def verdicts(self) -> Mapping[str, Verdict]:
        """Asset -> where it stood at the last judged second."""
        return self._verdicts

    def open_incidents(self) -> Sequence[IncidentChange]:
        """The latest change of each open episode, in order of scope."""
        return [self._latest[scope] for scope in sorted(self._latest) if self._episodes[scope].open]

    def digest(self) -> str:
        """The incident log so far as one hash: a chain of SHA-256, each of the hash before and the next canonical line."""
        return self._digest

    def _judge(self, second: Second) -> list[IncidentChange]:
        late_assets: set[str | None] = set()
        for signal in second.late:
            late_assets.add(signal.subject.asset)
            self._take(signal)
        for signal in second.signals:
            self._take(signal)
        now_s = float(second.end_s)
        told = self._locals(now_s)
        for close in self._closers:
            close(now_s)
        self._evidence.fade(now_s)
        for name, idle in self._coverage.fallen_idle(now_s, self.settings.idle_gaps):
            self._log({"at": utc(now_s), "source": name, "idle": idle})
        retracted = {one.subject.asset for one in self._evidence.retracted}
        self._evidence.retracted.clear()
        seen = [self._assessor.assess(asset, now_s) for asset in self._coverage.assets]
        told += self._of_venues(seen, now_s, None in late_assets)
        for one in seen:
            asset = one.verdict.asset
            told += self._asset(one, now_s, bool(late_assets & {asset, None}), asset in retracted)
        for change in told:
            self._log(change)
        return told

    def _take(self, signal: Signal) -> None:
        at_s = min(signal.event_time, signal.received_at).timestamp()
        self._coverage.hear(signal, signal.received_at.timestamp())
        for take in self._takers[signal.kind]:
            take(signal, at_s)

    def _log(self, line: object) -> None:
        self._digest = sha256(bytes.fromhex(self._digest) + _encode(line)).hexdigest()

    def _locals(self, now_s: float) -> list[IncidentChange]:
        told = []
        for vantage, began in self._attribution.on_second(now_s):
            if began:  # what the failing rounds before said of the venues was ours
                self._evidence.disown(Leg.VENUE, now_s - LOCAL_LOOKS_BACK_S)
            change = self._change_writer.local(vantage, began, now_s, self._episode(f"vantage:{vantage}"))
            self._latest[change.scope] = change
            told.append(change)
        return told

    def _episode(self, scope: str) -> Episode:
        episode = self._episodes.get(scope)
        if episode is None:
            episode = self._episodes[scope] = Episode(scope, self.settings)
        return episode

    def _of_venues(self, assets: Sequence[Assessment], now_s: float, late: bool) -> list[IncidentChange]:
        told = []
        live: dict[str, Episode] = {}
        for seen in self._venue_assessor.assess(now_s, self._live_venues, assets):
            if seen.level is Level.CALM and seen.venue not in self._live_venues:
                continue
            episode = self._episode(f"venue:{seen.venue}")
            kind = episode.step(seen.observation(now_s, late=late))
            if kind is not None:
                told.append(self._change_writer.venue(kind, episode, seen, now_s))
            if episode.live:
                live[seen.venue] = episode
        self._live_venues = live
        self._latest |= {change.scope: change for change in told}
        return told

    def _asset(self, seen: Assessment, now_s: float, late: bool, retracted: bool) -> list[IncidentChange]:
        verdict = seen.verdict
        self._verdicts[verdict.asset] = verdict
        episode = self._episode(f"asset:{verdict.asset}")
        parents = [self._live_venues[venue] for venue in seen.venues if venue in self._live_venues]
        stood_for = bool(parents) and not episode.open and seen.shared_alone
        critical = verdict.level is Level.PERFECT_STORM and verdict.p_lo >= self.settings.critical_p
        kind = episode.step(
            Observation(
                now_s=now_s,
                level=Level.CALM if stood_for else verdict.level,
                p_hi=verdict.p_hi,
                true=frozenset(one.leg for one in verdict.legs if one.state is LegState.TRUE),
                unseen=frozenset(one.leg for one in verdict.legs if one.state is LegState.UNKNOWN),
                at_once=4 in seen.grades.values(),
                critical=critical,
                blind_stress=seen.blind_stress,
                mark=(*(one.state for one in verdict.legs), verdict.fault, critical, seen.blind_stress),
                late=late,
                retracted=retracted,
                onset_s=seen.onset_s,
            )
        )
        if kind is None:
            return []
        episode.parent_id = episode.parent_id or next((one.incident_id for one in parents if one.open), None)
        change = self._change_writer.asset(kind, episode, seen, now_s)
        self._latest[change.scope] = change
        return [change]
