"""The memory of a sink's reader: what goes in comes out, both tables are bounded, and anything else is refused."""

from __future__ import annotations

import pytest

from monitor.alerting.memory import MAX_OWED, Memory, Owed, decode_memory, encode_memory
from monitor.alerting.routing import MAX_INCIDENTS, LastNote
from monitor.incidents import Level
from tests.monitor.alerting.sinks.changes import INCIDENT, START, at


def owed(name: str) -> Owed:
    """A note that is owed since half a minute after the start."""
    return Owed(incident_id=name, position=7, revision=3, since=at(30))


def test_a_memory_comes_back_as_it_was() -> None:
    memory = Memory(
        notes=(
            ("b", LastNote(level=Level.WATCH, revision=4)),
            ("vantage-zürich", LastNote(level=Level.PERFECT_STORM, revision=2, updated_at=START)),
        ),
        owed=(owed("b"), owed("a")),
        lost=12,
        reached=40,
    )

    assert decode_memory(encode_memory(memory)) == memory


def test_a_reader_that_never_wrote_remembers_nothing() -> None:
    assert decode_memory(b"") == Memory() == decode_memory(encode_memory(Memory()))


def test_only_the_newest_notes_are_kept() -> None:
    note = LastNote(level=Level.WATCH, revision=1, updated_at=START)
    memory = Memory(
        notes=tuple((f"{INCIDENT}-{number}", note) for number in range(MAX_INCIDENTS + 3)),
        owed=tuple(owed(f"{INCIDENT}-{number}") for number in range(MAX_OWED + 3)),
    )
    written = encode_memory(memory)
    back = decode_memory(written)

    assert back.notes == memory.notes[3:]
    assert back.owed == memory.owed[3:]
    assert len(written) < 150 * (MAX_INCIDENTS + MAX_OWED)


@pytest.mark.parametrize(
    "state",
    [
        b"x",
        b"null",
        b"{}",
        b'{"version":2,"notes":[],"owed":[],"lost":0,"reached":0}',
        b'{"version":1,"notes":[["a",9,1,null]],"owed":[],"lost":0,"reached":0}',
        b'{"version":1,"notes":[["a",1,1,"2026-01-01T12:00:00"]],"owed":[],"lost":0,"reached":0}',
        b'{"version":1,"notes":[],"owed":[["a",1]],"lost":0,"reached":0}',
        b'{"version":1,"notes":[],"owed":[],"lost":-1,"reached":0}',
    ],
    ids=[
        "no JSON",
        "null",
        "empty",
        "another version",
        "no level",
        "a time without zone",
        "half a note",
        "a loss below 0",
    ],
)
def test_a_memory_that_cannot_be_read_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_memory(state)
