"""The correlator: signals in, incident changes out. Joins sequencer, producers, coverage, fusion and episodes.

Uses no wall clock, no unordered iteration and no randomness: one log gives one list of changes and one digest. Each
completed second of event time is assessed once, for every asset and for every venue that has evidence or a live episode. The
state can be frozen at any signal and thawed in another process, which continues as if nothing had stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from math import inf
from typing import Self

import msgspec

from monitor.correlator.active_evidence import ActiveEvidence, utc
from monitor.correlator.assessment import Assessment, AssetAssessor
from monitor.correlator.attribution import Attribution
from monitor.correlator.carriers import Carriers
from monitor.correlator.chance import LegHistory
from monitor.correlator.change_writer import ChangeWriter
from monitor.correlator.coverage import Coverage, SourceSight
from monitor.correlator.episodes import Episode, Observation
from monitor.correlator.evidence import names, producers
from monitor.correlator.fragility_index import Fragility, fragility_of
from monitor.correlator.freezing import NotAnImage, pack, unpack
from monitor.correlator.gate import Gate
from monitor.correlator.own_lag import OwnLag
from monitor.correlator.own_path import OwnPath
from monitor.correlator.parts import Part
from monitor.correlator.producer import EvidenceBoard
from monitor.correlator.sequencer import SETTLED_AFTER_S, Second, Sequencer
from monitor.correlator.settings import CorrelatorSettings
from monitor.correlator.venues import VenueAssessor, scope_of
from monitor.incidents import ExitCapacity, IncidentChange, Leg, LegState, Level, Verdict
from monitor.signals import Signal, SignalKind

LOCAL_BEFORE_S = 30.0
"""For so long before our network was known to be down, evidence about venues is not trusted either."""
EMPTY_DIGEST = sha256().hexdigest()
END_COST = 16
"""What the end of a second costs beside a signal that is taken: it asks every producer and assesses every asset."""
_encode = msgspec.json.Encoder(order="deterministic").encode
_FROZEN = (
    "settings", "_gate", "_sequencer", "_carriers", "_coverage", "_evidence", "_attribution", "_assessor", "_history",
    "_change_writer", "_venue_assessor", "_producers", "_exits", "_ratios",
    "_episodes", "_live_venues", "_latest", "_verdicts", "_digest", "_given_up",
    "_now_s", "_without", "_second", "_taken",
)  # fmt: skip
"""All state that lasts from one signal to the next."""


class Correlator:
    """Turns signals into incident changes. `vantage` names the place whose controls judge LOCAL where signals do not say.

    `without` leaves parts of the judgement out: a score measures with it what they are worth.
    """

    def __init__(
        self,
        settings: CorrelatorSettings | None = None,
        *,
        vantage: str = "local",
        without: frozenset[Part] = frozenset(),
    ) -> None:
        self.settings = settings or CorrelatorSettings()
        self._without = without
        s = self.settings
        self._gate = Gate()
        lateness_s = max(s.lateness_ws_s, s.lateness_rest_s, s.lateness_chain_s)
        self._sequencer = Sequencer(lateness_s, vantage_wait_s=s.vantage_wait_s)
        self._carriers = Carriers()
        self._attribution = Attribution(s)
        self._coverage = Coverage(self._attribution.own_lag, s.providers)
        self._evidence = ActiveEvidence(self._coverage)
        self._assessor = AssetAssessor(s, self._coverage, self._evidence, self._attribution, without)
        self._venue_assessor = VenueAssessor(s, self._coverage, self._evidence, self._attribution)
        self._history = LegHistory()
        self._change_writer = ChangeWriter(s, self._evidence, self._history)
        self._exits: dict[str, ExitCapacity] = {}
        self._ratios: dict[str, dict[str, tuple[float, float]]] = {}
        board = EvidenceBoard(s, self._coverage, self._evidence, self._attribution, self._exits, self._ratios)
        self._producers = dict(producers(board))
        self._episodes: dict[str, Episode] = {}
        self._live_venues: dict[str, Episode] = {}
        """Venues whose episode is open or about to open."""
        self._latest: dict[str, IncidentChange] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._digest = EMPTY_DIGEST
        self._given_up: list[str] = []
        """Scopes of open incidents that are not watched any more."""
        self._now_s = float("-inf")
        self._second: Second | None = None
        """The complete second that is being judged."""
        self._taken = 0
        """How many of its signals have been taken."""
        self._connect()

    def _connect(self) -> None:
        self._signal_handlers: dict[SignalKind, list[Callable[[Signal, float], None]]] = {
            kind: [] for kind in SignalKind
        }
        self._second_handlers: list[Callable[[float], None]] = []
        for producer in self._producers.values():
            for kind in sorted(producer.kinds):
                self._signal_handlers[kind].append(producer.on_signal)
            self._second_handlers.append(producer.on_second)
        if Part.ATTRIBUTION not in self._without:
            for kind in sorted(Attribution.kinds):
                self._signal_handlers[kind].append(self._attribution.on_signal)
            for kind in sorted(OwnPath.kinds):
                self._signal_handlers[kind].append(self._attribution.own_path.on_signal)
        for kind in sorted(OwnLag.kinds):
            self._signal_handlers[kind].append(self._attribution.own_lag.on_signal)

    def freeze(self) -> bytes:
        """The whole state between two signals, as an image. Thaw only your own images, never untrusted ones."""
        return pack({name: getattr(self, name) for name in _FROZEN})

    @classmethod
    def thaw(cls, image: bytes) -> Self:
        """A correlator that continues where `freeze` was called, with the settings it had. Raises NotAnImage.

        An image is valid only for the code that made it; after an upgrade, replay the signals instead.
        """
        state = unpack(image)
        if tuple(state) != _FROZEN or tuple(state["_producers"]) != names():
            raise NotAnImage("the image was made with other parts")
        thawed = cls.__new__(cls)
        thawed.__setstate__(state)
        return thawed

    def __setstate__(self, state: Mapping[str, object]) -> None:
        for name, one in state.items():
            setattr(self, name, one)
        self._connect()

    def adopt(self, last_changes: Iterable[IncidentChange], is_watched: Callable[[str], bool] = lambda _: True) -> None:
        """Continue the incidents of an earlier program, given the last change of each: ids and revisions go on.

        For a program that cannot thaw the image: it has judged the log again, which may give other incidents. What is open
        in a scope that is not watched any more ends as unknown at the next second.
        """
        for change in last_changes:
            episode = self._episode(change.scope)
            kind, _, name = change.scope.partition(":")
            if episode.incident_id == change.incident_id and episode.revision >= change.revision:
                continue
            episode.adopt(change)
            self._latest[change.scope] = change
            if episode.open and not is_watched(change.scope):
                self._given_up.append(change.scope)
                continue
            if kind in ("venue", "target") and episode.open:
                self._live_venues[change.scope if kind == "target" else name] = episode
            if kind == "vantage" and episode.open:
                self._attribution.adopt(name, change.opened_at.timestamp())

    @property
    def exits(self) -> Mapping[str, ExitCapacity]:
        """Asset -> how much of it could leave when it was last looked at."""
        return self._exits

    def fragility(self, assets: Iterable[str]) -> dict[str, Fragility]:
        """How fragile each of these is at the last assessed second; one of which nothing is known is unknown."""
        if self._now_s < 0:
            return {}
        return {one: fragility_of(one, self._ratios.get(one, {}), self._now_s) for one in assets}

    def sights(self) -> Sequence[SourceSight]:
        """How much of each source is seen at the last assessed second, in order of name."""
        return self._coverage.sights(self._now_s)

    @property
    def late(self) -> int:
        """Signals that arrived after their second had been assessed."""
        return self._sequencer.late

    @property
    def refused(self) -> Mapping[tuple[str, str], int]:
        """Signals that cannot be, by kind and reason: nothing rests on them."""
        return {**self._gate.refused, **self._sequencer.refused}

    def on_signal(self, signal: Signal, most: float = inf) -> Sequence[IncidentChange]:
        """Take one signal in arrival order; return the incident changes.

        With `most`, about so many signals of complete seconds are judged in this call, and the rest in the next ones: a
        second of a storm would hold a live run's event loop. The changes and the digest do not depend on it.
        """
        for admitted in self._gate.take(signal):
            self._sequencer.push(admitted)
        return self._judge(most) if self.behind else ()  # most signals complete no second

    def admit(self, signal: Signal) -> Signal:
        """A live signal as it is to be judged and recorded: one that is too late for its second says which one it joins."""
        return self._sequencer.admit(signal)

    def complete(self, now: datetime, most: float = inf) -> Sequence[IncidentChange]:
        """Assess every second that all live sources have passed at `now`. The digest does not depend on when this is called.

        `most` as in `on_signal`.
        """
        self._sequencer.complete(now.timestamp())
        return self._judge(most)

    @property
    def behind(self) -> bool:
        """Whether a complete second is not wholly judged."""
        return self._second is not None or self._sequencer.behind

    def finish(self) -> Sequence[IncidentChange]:
        """Assess every second that was held back: no signal follows."""
        for held in self._gate.flush():
            self._sequencer.push(held)
        changes = self._judge(inf)
        self._sequencer.flush()
        return changes + self._judge(inf)

    def verdicts(self) -> Mapping[str, Verdict]:
        """Asset -> its verdict at the last assessed second."""
        return self._verdicts

    def open_incidents(self) -> Sequence[IncidentChange]:
        """The latest change of each open episode, in order of scope."""
        return [self._latest[scope] for scope in sorted(self._latest) if self._episodes[scope].open]

    def digest(self) -> str:
        """The incident log so far as one hash: a chain of SHA-256, each of the hash before and the next canonical line."""
        return self._digest

    def _judge(self, most: float) -> list[IncidentChange]:
        changes: list[IncidentChange] = []
        while most > 0:
            if self._second is None:
                self._second = self._sequencer.take(self._settled)
                self._taken = 0
            if self._second is None:
                break
            most -= self._take_some(self._second, most)
            if self._taken == len(self._second.late) + len(self._second.signals):
                second, self._second = self._second, None
                changes += self._assess(second)
                most -= END_COST
        return changes

    def _take_some(self, second: Second, most: float) -> int:
        """Take at most so many of its signals, late ones first. Returns how many were taken."""
        begin, late = self._taken, len(second.late)
        end = self._taken = int(min(begin + most, late + len(second.signals)))
        for signal in second.late[begin:end]:
            self._take(signal)
        for signal in second.signals[max(begin - late, 0) : max(end - late, 0)]:
            self._take(signal)
        return end - begin

    def _assess(self, second: Second) -> list[IncidentChange]:
        """Assess a second whose signals have been taken."""
        late_assets = {one.subject.asset for one in second.late}
        now_s = self._now_s = float(second.end_s)
        changes = self._unwatched_changes(now_s) if self._given_up else []
        changes += self._local_changes(now_s)
        for on_second in self._second_handlers:
            on_second(now_s)
        self._evidence.fade(now_s)
        for name, idle in self._coverage.idle_changes(now_s, self.settings.idle_gaps):
            self._log({"at": utc(now_s), "source": name, "idle": idle})
        retracted = {one.subject.asset for one in self._evidence.retracted}
        self._evidence.retracted.clear()
        self._history.on_second(now_s, len(self._coverage.assets))
        assessments = [
            self._assessor.assess(asset, now_s, self._verdicts.get(asset)) for asset in self._coverage.assets
        ]
        changes += self._venue_changes(assessments, now_s, None in late_assets)
        for one in assessments:
            asset = one.verdict.asset
            changes += self._asset_changes(one, now_s, bool(late_assets & {asset, None}), asset in retracted)
        for change in changes:
            self._log(change)
        return changes

    def _take(self, signal: Signal) -> None:
        for one in self._carriers.admit(signal, signal.received_at.timestamp()):
            self._take_fact(one)

    def _take_fact(self, signal: Signal) -> None:
        received_at, event_time = signal.received_at, signal.event_time
        received_s = received_at.timestamp()
        at_s = event_time.timestamp() if event_time < received_at else received_s
        self._coverage.on_signal(signal, received_s)
        for on_signal in self._signal_handlers[signal.kind]:
            on_signal(signal, at_s)

    def _log(self, line: object) -> None:
        self._digest = sha256(bytes.fromhex(self._digest) + _encode(line)).hexdigest()

    def _settled(self) -> bool:
        """Whether a further empty second changes nothing: no incident is live, no source is seen, and evidence only fades.

        Empty seconds came before for `SETTLED_AFTER_S`: every window of a producer has passed.
        """
        return (
            not self._attribution.local_since_s
            and not any(one.live for one in self._episodes.values())
            and self._evidence.steady(self._now_s - SETTLED_AFTER_S)
            and self._coverage.dark(self._now_s)
        )

    def _unwatched_changes(self, now_s: float) -> list[IncidentChange]:
        changes = [
            self._change_writer.unwatched(self._episodes[scope], self._latest[scope], now_s) for scope in self._given_up
        ]
        self._given_up.clear()
        self._latest |= {change.scope: change for change in changes}
        return changes

    def _local_changes(self, now_s: float) -> list[IncidentChange]:
        changes = []
        for vantage, began in self._attribution.on_second(now_s):
            if began:  # the rounds that failed just before were our own fault, not the venues'
                self._evidence.discard(Leg.VENUE, now_s - LOCAL_BEFORE_S)
            asked = began or self._attribution.asked(vantage, now_s)
            episode = self._episode(f"vantage:{vantage}")
            change = self._change_writer.local(vantage, began, now_s, episode, asked=asked)
            self._latest[change.scope] = change
            changes.append(change)
        return changes

    def _episode(self, scope: str) -> Episode:
        episode = self._episodes.get(scope)
        if episode is None:
            episode = self._episodes[scope] = Episode(scope, self.settings)
        return episode

    def _venue_changes(self, assets: Sequence[Assessment], now_s: float, late: bool) -> list[IncidentChange]:
        changes = []
        live: dict[str, Episode] = {}
        for venue in self._venue_assessor.assess(now_s, self._live_venues, assets):
            if venue.level is Level.CALM and venue.venue not in self._live_venues:
                continue
            episode = self._episode(scope_of(venue.venue))
            kind = episode.step(venue.observation(now_s, late=late))
            if kind is not None:
                changes.append(self._change_writer.venue(kind, episode, venue, now_s))
            if episode.live:
                live[venue.venue] = episode
        self._live_venues = live
        self._latest |= {change.scope: change for change in changes}
        return changes

    def _asset_changes(self, assessment: Assessment, now_s: float, late: bool, retracted: bool) -> list[IncidentChange]:
        verdict = assessment.verdict
        self._verdicts[verdict.asset] = verdict
        true = frozenset(one.leg for one in verdict.legs if one.state is LegState.TRUE)
        self._history.observe(verdict.asset, true, now_s)
        episode = self._episode(f"asset:{verdict.asset}")
        parents = [self._live_venues[venue] for venue in assessment.venues if venue in self._live_venues]
        reported_by_venue = bool(parents) and not episode.open and assessment.shared_alone
        bound = self.settings.critical_leave_p if episode.open and episode.critical else self.settings.critical_p
        critical = verdict.level is Level.PERFECT_STORM and verdict.p_lo >= bound
        kind = episode.step(
            Observation(
                now_s=now_s,
                level=Level.CALM if reported_by_venue else verdict.level,
                p_hi=verdict.p_hi,
                true=true,
                unseen=frozenset(one.leg for one in verdict.legs if one.state is LegState.UNKNOWN),
                at_once=4 in assessment.grades.values(),
                critical=critical,
                blind_stress=assessment.blind_stress,
                mark=(*(one.state for one in verdict.legs), verdict.fault, critical, assessment.blind_stress),
                known=frozenset(assessment.known if episode.open or verdict.level > Level.CALM else ()),
                late=late,
                retracted=retracted,
                onset_s=assessment.onset_s,
            )
        )
        if kind is None:
            return []
        episode.parent_id = episode.parent_id or next((one.incident_id for one in parents if one.open), None)
        change = self._change_writer.asset(kind, episode, assessment, now_s)
        change = replace(change, exit=self._exits.get(verdict.asset))
        self._latest[change.scope] = change
        return [change]
