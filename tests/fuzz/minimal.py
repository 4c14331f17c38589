"""Makes a case that fails smaller while it fails in the same way, stores it, and prints it as a test."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tests.fuzz.mutators import GONE, encoded, get, paths, put
from tests.fuzz.seeds import Seeds
from tests.fuzz.surfaces import Case, Fault, Part, run

MOST_TRIES = 3000


def fails(case: Case, seeds: Seeds | None) -> str | None:
    """The kind of a case's fault, None without one."""
    try:
        run(case, seeds)
    except Fault as fault:
        return fault.kind
    return None


def minimised(case: Case, seeds: Seeds | None) -> Case:
    """The smallest case found within a bounded number of tries that fails as this one does."""
    kind, left = fails(case, seeds), [MOST_TRIES]
    if kind is None:
        return case

    def same(other: Case) -> bool:
        left[0] -= 1
        return left[0] > 0 and fails(other, seeds) == kind

    smaller = True
    while smaller and left[0] > 0:
        smaller = False
        for candidate in _smaller(case):
            if same(candidate):
                case, smaller = candidate, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Cases with one part less, then with something less in one part."""
    if len(case.parts) > 1:
        for at in range(len(case.parts)):
            yield replace(case, parts=case.parts[:at] + case.parts[at + 1 :])
    for at, part in enumerate(case.parts):
        for less in _smaller_part(part):
            yield replace(case, parts=(*case.parts[:at], less, *case.parts[at + 1 :]))


def _smaller_part(part: Part) -> Iterator[Part]:
    for at in range(len(part.headers)):
        yield replace(part, headers=part.headers[:at] + part.headers[at + 1 :])
    if part.status != 200:
        yield replace(part, status=200)
    for body in _smaller_body(part.body):
        if len(body) < len(part.body):
            yield replace(part, body=body)


def _smaller_body(body: bytes) -> Iterator[bytes]:
    try:
        tree: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tree = None
    if isinstance(tree, dict | list):
        for path in list(paths(tree)):
            yield encoded(put(tree, path, GONE))
            if isinstance(old := get(tree, path), str) and len(old) > 8:
                yield encoded(put(tree, path, old[: len(old) // 2]))
        return
    size = max(len(body) // 2, 1)
    while size:
        for at in range(0, len(body), size):
            yield body[:at] + body[at + size :]
        size //= 2


def written(case: Case) -> bytes:
    """A case as JSON, bodies in base64."""
    parts = [
        {
            "body": base64.b64encode(part.body).decode(), "after_s": part.after_s, "status": part.status,
            "headers": dict(part.headers), "from_rest": part.from_rest,
        }
        for part in case.parts
    ]  # fmt: skip
    whole = {
        "venue": case.venue, "surface": case.surface, "subject": case.subject, "seed": case.seed,
        "began_at": case.began_at.isoformat(), "parts": parts,
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(whole), indent=1)


def read_back(text: bytes) -> Case:
    """The case that `written` gave."""
    whole = msgspec.json.decode(text)
    parts = tuple(
        Part(
            base64.b64decode(one["body"]),
            one["after_s"],
            one["status"],
            tuple(one["headers"].items()),
            one["from_rest"],
        )
        for one in whole["parts"]
    )
    return Case(
        whole["venue"],
        whole["surface"],
        whole["subject"],
        whole["seed"],
        datetime.fromisoformat(whole["began_at"]),
        parts,
    )


def stored(case: Case, folder: Path) -> Path:
    """Write a case into a folder; its name is made of its content."""
    folder.mkdir(parents=True, exist_ok=True)
    text = written(case)
    file = folder / f"{case.venue}-{case.subject}-{sha256(text).hexdigest()[:12]}.json"
    file.write_bytes(text)
    return file


def as_test(case: Case, fault: str) -> str:
    """The case as a test to be put where its subject is tested."""
    show: Callable[[Part], str] = lambda part: (  # noqa: E731 - a line of the printed test
        f"        Part({part.body!r}, {part.after_s}, {part.status}, {part.headers!r}, {part.from_rest}),"
    )
    return "\n".join(
        [
            f"def test_fuzzed_{case.venue}_{case.subject}() -> None:",
            *(f"    # {line[:150]}" for line in fault.splitlines()),
            "    parts = (",
            *map(show, case.parts),
            "    )",
            f"    began_at = datetime.fromisoformat({case.began_at.isoformat()!r})",
            f"    case = Case({case.venue!r}, {case.surface!r}, {case.subject!r}, {case.seed!r}, began_at, parts)",
            f"    run(case, seeds_of({case.venue!r}))",
        ]
    )
