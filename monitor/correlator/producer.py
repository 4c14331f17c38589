"""The form of an evidence file: a producer takes signals of some kinds and pins evidence on the board each second.

A producer is pure and holds bounded state. It never pages: it pins evidence with a grade (L1..L4, by how often chance alone
would make it) and the board, the fusion and the episodes do the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.correlator.attribution import Attribution
from monitor.correlator.board import Board, utc
from monitor.correlator.coverage import Coverage
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Evidence, Leg
from monitor.signals import Signal, SignalKind, Subject

FAR_PER_DAY = {1: 24.0, 2: 1.0, 3: 1 / 7, 4: 1 / 91}
"""Grades by false-alarm rate: an hour, a day, a week, a quarter."""
WEIGHT = {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
MAX_LINKS = 8


@dataclass(frozen=True, slots=True)
class EvidenceBoard:
    """What a producer works with."""

    settings: CorrelatorSettings
    sources: Coverage
    board: Board
    attribution: Attribution

    def pin(
        self,
        name: str,
        leg: Leg,
        subject: Subject,
        *,
        grade: int,
        onset_s: float,
        at_s: float,
        half_life_s: float,
        value: float,
        normal: float | None,
        unit: str,
        said: str,
        links: Sequence[str] = (),
        key: str = "",
        weight: float | None = None,
    ) -> None:
        """Pin or renew evidence; its id is the name, the subject and `key`.

        Nothing is pinned on a venue while most targets fail at once: the fault may be our own network.
        """
        if leg is Leg.VENUE and self.attribution.suspected:
            return
        place = subject.asset or subject.venue or subject.network or ""
        where = "/".join(one for one in (subject.venue, subject.instrument, subject.contract, subject.pool) if one)
        evidence_id = ":".join(one for one in (name, place, where, key) if one)
        old = self.board.get(evidence_id)
        if old is not None:
            onset_s = min(onset_s, old.onset.timestamp())
            links = tuple(dict.fromkeys((*old.links, *links)))
        self.board.put(
            Evidence(
                id=evidence_id,
                leg=leg,
                name=name,
                subject=subject,
                grade=grade,
                weight=WEIGHT[grade] if weight is None else weight,
                half_life_s=half_life_s,
                onset=utc(onset_s),
                at=utc(at_s),
                value=round(value, 9),
                normal=None if normal is None else round(normal, 9),
                unit=unit,
                far_per_day=FAR_PER_DAY[grade],
                said=said,
                links=tuple(links)[:MAX_LINKS],
                shared=subject.asset is None,
            )
        )


class Producer(Protocol):
    """One kind of evidence."""

    kinds: frozenset[SignalKind]

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a signal of one of `kinds`; `at_s` is its event time."""
        ...

    def on_second(self, now_s: float) -> None:
        """A second of event time is complete."""
        ...


def graded(value: float, thresholds: tuple[float, float, float, float]) -> int:
    """How many of the four ascending thresholds a value reaches: its grade, 0 for none."""
    return bisect_right(thresholds, value)


def brief(address: object) -> str:
    """An address as people compare it: its first and last four digits. The whole one stands in the subject."""
    text = str(address)
    return f"{text[:6]}…{text[-4:]}" if len(text) == 42 and text.startswith("0x") else text
