"""Takes PostgreSQL's binary COPY format apart, as its documentation describes it."""

from __future__ import annotations

import struct

from monitor.store.copy_format import CopiedSignals


def copied(signals: CopiedSignals) -> list[list[bytes | None]]:
    """The fields of each row."""
    body = bytes(signals.copy())
    assert body[:11] == b"PGCOPY\n\xff\r\n\0", "the signature"
    flags, extension = struct.unpack_from(">ii", body, 11)
    assert (flags, extension) == (0, 0)
    at = 19
    rows: list[list[bytes | None]] = []
    while True:
        (count,) = struct.unpack_from(">h", body, at)
        at += 2
        if count == -1:
            assert at == len(body), "nothing behind the trailer"
            return rows
        row: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", body, at)
            at += 4
            row.append(None if length == -1 else body[at : at + length])
            at += max(length, 0)
        rows.append(row)
