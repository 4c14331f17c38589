"""Where our own venue fixtures are and how a reader is called: tests/probes/venues/<venue>/<check or feed>/<case>/.

A case is `payload.json` (the wire's text), `source.toml` (what it was made from: page, section, grade; which check path and
instrument it answers) and `readings.json` (what the dialect must say of it). Grades: "documented" follows the page's own
fields with values of ours, "damaged" breaks such a payload on purpose.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from probes import venues
from probes.readings import Instrument, Market, VenueId
from probes.venue import AnswerWord, Context, FeedMessage, Malformed, Refused

ROOT = Path(__file__).parent / "venues"
NOW = datetime(2026, 11, 1, 0, 0, 1, tzinfo=UTC)
BROKEN = (Malformed, Refused, msgspec.DecodeError)
Reader = Callable[[bytes, Context], Sequence[AnswerWord | FeedMessage]]


def files_of(venue: str) -> list[Path]:
    """The Python files of a venue, sorted: its own, or those of its folder."""
    at = Path(venues.__file__).parent / venue
    return sorted(at.rglob("*.py")) if at.is_dir() else [at.with_suffix(".py")]


def listed(venue: str) -> tuple[Instrument, ...]:
    """The instruments that the cases of a venue know: `instruments.toml` in its folder, none without that file."""
    file = ROOT / venue / "instruments.toml"
    rows = tomllib.loads(file.read_text())["instruments"] if file.exists() else []
    return tuple(
        Instrument(
            symbol=row["symbol"], base="BTC", quote="USD" if row.get("inverse") else "USDT", market=Market(row["market"]),
            contract_size=Decimal(row.get("contract_size", "1")), inverse=row.get("inverse", False),
        )
        for row in rows
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fixture folder."""

    venue: str
    subject: str
    name: str
    folder: Path
    source: dict[str, Any]

    @property
    def payload(self) -> bytes:
        """The raw bytes of the payload."""
        return (self.folder / "payload.json").read_bytes()

    @property
    def expected(self) -> Any:
        """What `decoded` must give."""
        return msgspec.json.decode((self.folder / "readings.json").read_bytes())

    @property
    def instrument(self) -> Instrument | None:
        """The instrument of the request."""
        return next((one for one in listed(self.venue) if one.symbol == self.source.get("instrument")), None)

    @property
    def context(self) -> Context:
        """What the reader knows beside the payload."""
        return Context(
            venue=VenueId(self.venue), check=self.subject, received_at=NOW, instrument=self.instrument,
            instruments={one.symbol: one for one in listed(self.venue)},
        )  # fmt: skip

    @property
    def reader(self) -> Reader:
        """The dialect's reader: the feed of this name, or the check of this name that requests this case's path."""
        venue = venues.declared(self.venue)
        for feed in venue.feeds:
            if feed.name == self.subject:
                return feed.read
        for check in venue.checks:
            if (
                check.name == self.subject
                and (check.market is None or self.instrument is None or check.market is self.instrument.market)
                and check.call(self.instrument).subject == self.source["path"]
            ):
                return check.read
        raise LookupError(f"{self.folder}: no such check or feed")


def found() -> list[Case]:
    """Every case, in order of path."""
    return [
        Case(
            venue=path.parts[-4],
            subject=path.parts[-3],
            name=path.parts[-2],
            folder=path.parent,
            source=tomllib.loads(path.read_text()),
        )
        for path in sorted(ROOT.glob("*/*/*/source.toml"))
    ]


def title(case: Case) -> str:
    """The case's place, for test names."""
    return f"{case.venue}/{case.subject}/{case.name}"


def decoded(case: Case) -> Any:
    """What an answer of status 200 or a frame means: a list of messages, the refusal of its code, or the reader's failure."""
    try:
        refused = venues.declared(case.venue).refuse(200, {}, case.payload, NOW) if "path" in case.source else None
        if refused is not None:
            raise refused
        words = case.reader(case.payload, case.context)
    except Refused as error:
        return {"refused": error.kind.value, "detail": error.detail}
    except (Malformed, msgspec.DecodeError) as error:
        return {"malformed": str(error)}
    rows = [{"is": type(word).__name__, **msgspec.to_builtins(word, str_keys=True)} for word in words]
    for row in rows:
        if row.get("service") == "":
            del row["service"]  # a state of the venue as a whole
    return msgspec.json.decode(msgspec.json.encode(rows))
