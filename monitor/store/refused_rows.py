"""Keeps rows that the database will never accept, as lines of JSON for an engineer to examine. The folder has a bound."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from monitor.store.log_rows import Unit

MAX_FILES = 1000
MAX_BYTES = 64_000_000
"""When the folder holds so much, further rows are counted and not kept."""

_log = logging.getLogger("stormwatch.store")
_position = attrgetter("entry.position")


class RefusedRows:
    """The folder, and how many rows it did not take. A row that is put twice is kept once. The call blocks."""

    def __init__(self, folder: Path, log_id: str) -> None:
        self._folder = folder
        self._log_id = log_id
        self.lost = 0

    def put(self, units: Sequence[Unit]) -> None:
        """Keep these rows, one file an entry. What cannot be kept is told and counted: it holds up nothing."""
        kept = lost = 0
        problem = ""
        for position, some in groupby(units, _position):
            rows = list(some)
            try:
                self._write(self._folder / f"{self._log_id}-{position}.jsonl", "".join(map(_line, rows)))
                kept += len(rows)
            except OSError as error:
                lost += len(rows)
                problem = str(error)
        if kept:
            _log.error("the database refused %d rows (%s, ...); they are kept in %s", kept, units[0].why, self._folder)
        if lost:
            _log.error("%d rows that the database refused (%s, ...) are lost: %s", lost, units[0].why, problem)
        self.lost += lost

    def _write(self, path: Path, text: str) -> None:
        if not path.exists() and self._full():
            raise OSError(f"{self._folder} is full")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text, encoding="utf-8")

    def _full(self) -> bool:
        sizes = [one.stat().st_size for one in self._folder.glob("*.jsonl")]
        return len(sizes) >= MAX_FILES or sum(sizes) >= MAX_BYTES


def _line(unit: Unit) -> str:
    entry = unit.entry
    line = {"stream": entry.stream, "id": entry.id, "run_id": entry.run_id, "at": entry.at.isoformat(), "why": unit.why}
    row = {"row": unit.record} if unit.record is not None else {"body": entry.body.hex()}
    return json.dumps({**line, **row}, default=str) + "\n"
