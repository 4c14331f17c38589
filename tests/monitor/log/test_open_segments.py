"""What a segment keeps open: a log of many segments must not hold the files and pages of those that are done."""

from __future__ import annotations

from pathlib import Path

from monitor.log import Entry, Stream
from monitor.log.codec import encode_signals
from monitor.log.segment import Segment
from tests.monitor.alerting.sinks.changes import at, signal


def descriptors(path: Path) -> list[str]:
    """The open files of this process whose names begin so."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(one.readlink()))
        except OSError:  # the folder's own, which is closed by now
            continue
    return [name for name in found if name.startswith(str(path))]


def test_a_segment_that_was_thinned_keeps_no_more_open_than_one_that_is_only_read(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, "log", 0, {}, ())
    entries = [
        Entry(
            position=position, stream=Stream.SIGNALS, id=f"{position}", key="", run_id="run", at=at(0), rows=2,
            body=encode_signals([signal(1), signal(2)]),
        )
        for position in (1, 2)
    ]  # fmt: skip
    segment.append(entries, {})
    segment.close_writer()
    read_only = descriptors(segment.path)
    assert len(read_only) <= 4, (
        "the file, its write-ahead log, the index, and a descriptor that SQLite closes with the last lock"
    )
    segment.replace({1: (1, encode_signals([signal(1)]))}, [2])
    segment.shrink()
    assert len(descriptors(segment.path)) == len(read_only)
    assert [(one.position, one.rows) for one in segment.read(0, (Stream.SIGNALS,), 10)] == [(1, 1)]
    segment.close()
