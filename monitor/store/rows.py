"""Turns signals and incident changes into rows of their tables, and back. Numbers that JSON cannot hold become null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import msgspec

from monitor.incidents import IncidentChange
from monitor.log.change_json import encode_change
from monitor.signals import Scalar, Signal, SignalKind, Subject

SUBJECT = Subject.__struct_fields__
COLUMNS = (
    "kind", *SUBJECT, "event_time", "received_at", "source", "seq", "value", "attributes", "link", "run_id",
)  # fmt: skip
"""The order of the fields of the log's rows, the subject's among them, so that they are copied as they are."""
_encode_lines = msgspec.json.Encoder().encode_lines
_decode = msgspec.json.Decoder(dict[str, str | float | int | bool | None]).decode


def json_texts(attributes: Sequence[Mapping[str, Scalar]]) -> list[str]:
    """Each signal's attributes as JSON, all in one call: JSON holds no bare newline."""
    return _encode_lines(attributes).decode().split("\n")[:-1]


def signal_of_row(row: Any) -> Signal:
    """The signal of a row of the query `signals`."""
    kind, *subject, event_time, received_at, source, seq, value, attributes, link = row
    return Signal(
        kind=SignalKind(kind),
        subject=Subject(*subject),
        event_time=event_time,
        received_at=received_at,
        source=source,
        seq=seq,
        value=nan if value is None else value,
        attributes=_decode(attributes),
        link=link,
    )


def change_row(change: IncidentChange) -> tuple[Any, ...]:
    """The arguments of the query `change`."""
    return (
        change.incident_id,
        change.revision,
        change.scope,
        change.kind,
        change.state,
        change.at,
        change.opened_at,
        int(change.level),
        int(change.peak),
        change.headline,
        encode_change(change).decode(),
    )
