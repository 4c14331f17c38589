"""One producer of evidence with an empty evidence board: a test sends signals and reads the evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import log

from monitor.correlator.active_evidence import ActiveEvidence
from monitor.correlator.assessment import AssetAssessor
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.evidence import producer
from monitor.correlator.producer import EvidenceBoard, Producer
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Evidence, Leg, Verdict
from monitor.signals import Scalar, Signal, SignalKind, Subject

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A whole hour, so that second 0 is also the first of a minute."""
CONTRACT = "0x" + "11" * 20
VENUE = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP", network="bitcoin")
TOKEN = Subject(asset="BTC", network="ethereum", contract=CONTRACT)


def moment(second: float) -> datetime:
    """The time of a second of the test."""
    return START + timedelta(seconds=second)


OF_TWO = {2: 2 - log(3) / log(24), 3: 3 - log(3) / log(7), 4: 4 - log(3) / log(13)}
"""Grade -> nats of the venue leg, if one of two venues has it: its rate times 2 places, times 1.5 for the choice."""


class LoneProducer:
    """The producer of a module of `monitor.correlator.evidence`; all times are seconds from `START`."""

    def __init__(self, name: str, settings: CorrelatorSettings | None = None) -> None:
        chosen = settings or CorrelatorSettings()
        self.coverage = Coverage()
        self.active = ActiveEvidence(self.coverage)
        self.attribution = Attribution(chosen)
        self.settings = chosen
        self.link: str | None = None
        """The link of every signal from now on."""
        self.board = EvidenceBoard(chosen, self.coverage, self.active, self.attribution)
        self.producer: Producer = producer(name, self.board)

    def send(
        self,
        kind: SignalKind,
        second: float,
        value: float = 1.0,
        subject: Subject = VENUE,
        attributes: dict[str, Scalar] | None = None,
        source: str = "alpha/stream",
    ) -> None:
        """Let the producer take one signal."""
        signal = Signal(kind, subject, moment(second), moment(second), source, 1, value, attributes or {}, self.link)
        self.producer.on_signal(signal, moment(second).timestamp())

    def complete(self, second: float) -> None:
        """Let a second of event time be complete."""
        self.producer.on_second(moment(second).timestamp())

    def lose_our_network(self, second: float) -> None:
        """From this second on our own network is down."""
        self.attribution.local_since_s["home"] = moment(second).timestamp()

    def judged(self, second: float) -> Verdict:
        """What the evidence of this producer alone makes of BTC, which trades at alpha and beta."""
        for venue in ("alpha", "beta"):
            subject = Subject(asset="BTC", venue=venue)
            legs: dict[str, Scalar] = {"leg": "venue", "weight": 1.0}
            expect = Signal(SignalKind.EXPECT, subject, moment(0), moment(0), f"{venue}/stream", 1, 15.0, legs)
            self.coverage.on_signal(expect, moment(second).timestamp())
        assessor = AssetAssessor(self.settings, self.coverage, self.active, self.attribution)
        return assessor.assess("BTC", moment(second).timestamp()).verdict

    def nats(self, leg: Leg, second: float) -> float:
        """The evidence of one leg of BTC in nats: -1 if it is calm."""
        return next(one.evidence for one in self.judged(second).legs if one.leg is leg)

    @property
    def evidence(self) -> list[Evidence]:
        """The active evidence in order of id."""
        return list(self.active.everything())

    @property
    def grades(self) -> dict[str, int]:
        """Name of the evidence -> its grade."""
        return {one.name: one.grade for one in self.evidence}

    def only(self) -> Evidence:
        """The one piece of evidence that is active."""
        [evidence] = self.evidence
        return evidence
