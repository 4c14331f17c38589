"""Writes one incident as a folder and a zip that can be given to anyone: no secrets, no clock, the same bytes each time.

`incident.md` and `incident.html` are for a first reading; the other files are for a new analysis. `MANIFEST.sha256` covers
every other file. A Parquet file (listed in the manifest, part of the zip) is written only if pyarrow is installed, a picture only
if the caller gives one.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.signals import Signal
from monitor.snapshot.clean import clean_settings, clean_value
from monitor.snapshot.page import page
from monitor.snapshot.picture import SVG
from monitor.snapshot.runbooks import name_of, shipped
from monitor.snapshot.story import story
from monitor.snapshot.tables import csv_bytes, parquet_bytes, table

MANIFEST = "MANIFEST.sha256"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold: the bytes of a snapshot do not depend on when it was written."""

MAX_NAME = 120
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What lies beside the incident and its signals: public settings, versions, traces by incident id, pictures by name."""

    settings_public: Mapping[str, Any]
    versions: Mapping[str, str]
    traces: Mapping[str, Any]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    """In words: who acknowledged the incident, until when it was silenced."""


def write_snapshot(into: Path, *, changes: Sequence[IncidentChange], signals: Iterable[Signal], beside: Beside) -> Path:
    """Write `into/{incident_id}/` and `into/{incident_id}.zip`; return the folder. Replaces an earlier snapshot of the incident.

    `changes` are all revisions of one incident; signals are held in memory, so the caller bounds them. Raises
    OperatorError if the folder cannot be written, or contains something else than a snapshot.
    """
    ids = sorted({one.incident_id for one in changes})
    if len(ids) != 1:
        raise OperatorError("ID", ", ".join(ids), "changes of exactly one incident", "name one incident")
    ordered = sorted(changes, key=lambda one: (one.revision, one.at))
    files = _files(ordered, signals, beside)
    folder = into / folder_name(ids[0])
    try:
        _write(folder, files)
    except OSError as error:
        raise OperatorError("--out", str(into), "a folder that can be written", str(error.strerror or error)) from None
    return folder


def folder_name(incident_id: str) -> str:
    """The incident's id as a safe folder name: whatever the name of a vantage, the folder stays inside its parent."""
    return _UNSAFE.sub("_", incident_id).strip(".")[:MAX_NAME] or "incident"


def _files(changes: Sequence[IncidentChange], signals: Iterable[Signal], beside: Beside) -> dict[str, bytes]:
    frame = table(signals)
    runbooks = shipped(name_of(one.runbook) for one in changes)
    markdown = story(changes, beside.traces, len(frame), runbooks, SVG in beside.pictures, beside.remarks)
    files = {
        "incident.md": markdown.encode(),
        "incident.html": page(markdown, beside.pictures).encode(),
        "incident.json": _json([clean_value(msgspec.to_builtins(one)) for one in changes]),
        "signals.csv": csv_bytes(frame),
        "config.json": _json(clean_settings(beside.settings_public)),
        "versions.json": _json(clean_value(beside.versions)),
        "traces.json": _json(clean_value(beside.traces)),
        **{f"runbooks/{name}": text.encode() for name, text in runbooks.items()},
        **beside.pictures,
    }
    parquet = parquet_bytes(frame)
    if parquet is not None:
        files["signals.parquet"] = parquet
    listed = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    files[MANIFEST] = listed.encode()
    return files


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write to a temporary place, then rename: a reader sees the whole old snapshot or the whole new one."""
    archive = folder.with_name(f"{folder.name}.zip")
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise OperatorError("--out", str(folder), "a new place, or an earlier snapshot", "move what is there away")
    fresh = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, body in files.items():
        (fresh / name).parent.mkdir(exist_ok=True)
        (fresh / name).write_bytes(body)
    partial = folder.with_name(f".{folder.name}.zip.partial")
    with zipfile.ZipFile(partial, "w") as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder.name}/{name}", ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            packed.writestr(entry, files[name])
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)
    partial.replace(archive)
