"""A board, sources and the assessors of assets and venues, without producers: a test puts the evidence on the board."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from monitor.correlator.active_evidence import ActiveEvidence
from monitor.correlator.assessment import Assessment, AssetAssessor
from monitor.correlator.attribution import Attribution
from monitor.correlator.change_writer import ChangeWriter
from monitor.correlator.coverage import Coverage
from monitor.correlator.settings import CorrelatorSettings
from monitor.correlator.venues import VenueAssessor
from monitor.incidents import Evidence, Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import evidence

GAP_S = 1000.0
NETWORKS = {"home": "north", "away": "south", "a": "north", "b": "south", "c": "south"}
"""Vantage -> the provider of its network."""


class Assessors:
    """BTC at some venues and on one network, with a fresh source for each leg."""

    def __init__(self, venues: Iterable[str], settings: CorrelatorSettings | None = None) -> None:
        self.settings = settings or CorrelatorSettings()
        self.settings = replace(self.settings, networks=self.settings.networks or NETWORKS)
        self.sources = Coverage(providers=self.settings.providers)
        self.board = ActiveEvidence(self.sources)
        self.attribution = Attribution(self.settings)
        self.asset_assessor = AssetAssessor(self.settings, self.sources, self.board, self.attribution)
        self.venues = VenueAssessor(self.settings, self.sources, self.board, self.attribution)
        self.change_writer = ChangeWriter(self.settings, self.board)
        self.now_s = at(0).timestamp()
        for venue in venues:
            self.expect(f"{venue}/book_ws", "venue", Subject(asset="BTC", venue=venue))
            self.expect(f"{venue}/liquidation", "liquidation", Subject(asset="BTC", venue=venue))
        self.expect("ethereum/chain", "migration", Subject(asset="BTC", network="ethereum"))

    def expect(self, source: str, leg: str, subject: Subject, weight: float = 1.0) -> None:
        """Declare a source that is expected every thousand seconds."""
        attributes: dict[str, Scalar] = {"leg": leg, "weight": weight}
        self.receive(Signal(SignalKind.EXPECT, subject, at(0), at(0), source, 1, GAP_S, attributes))

    def receive(self, signal: Signal) -> None:
        self.sources.on_signal(signal, signal.received_at.timestamp())

    def close(self, *sources: str) -> None:
        """Close these sources at the beginning."""
        for source in sources:
            venue = source.partition("/")[0]
            subject = Subject(venue=venue)
            self.receive(Signal(SignalKind.FEED_CLOSED, subject, at(0), at(0), source, 2, 1.0, {"planned": False}))

    def reachable_from(self, *vantages: str) -> None:
        """Record a successful request from each of these vantages."""
        for vantage in vantages:
            subject = Subject(venue="a", vantage=vantage)
            attributes: dict[str, Scalar] = {"outcome": "ok", "check": "time", "ours": False}
            signal = Signal(SignalKind.REQUEST, subject, at(0), at(0), "a/time", 1, 0.1, attributes)
            self.attribution.on_signal(signal, at(0).timestamp())

    def fact(self, venue: str, *, weight: float, grade: int = 3, name: str = "f", second: float = 0) -> Evidence:
        """Put a shared fact of one venue on the board."""
        one = replace(
            evidence(f"{name}:{venue}", weight, second, Leg.VENUE),
            subject=Subject(venue=venue),
            grade=grade,
            shared=True,
        )
        self.board.put(one)
        return one

    def own(self, leg: Leg, *, weight: float, grade: int = 3, name: str = "own", second: float = 0) -> Evidence:
        """Put a finding about the asset itself on the board."""
        one = replace(evidence(f"{name}:{leg}", weight, second, leg), grade=grade)
        self.board.put(one)
        return one

    def asset(self, name: str = "BTC") -> Assessment:
        return self.asset_assessor.assess(name, self.now_s)
