"""Finds out how the daemon of a configuration is: from its log's lock and files, and from its web server if that answers.

Nothing heavy is imported, nothing is written, and no lock is kept: it may be asked at any time, with the daemon dead too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.alerting.memory import Memory, decode_memory, reader_name
from monitor.errors import OperatorError
from monitor.log import Place, Stream
from monitor.log.health import BEHIND_S, TICK_LATE_S
from monitor.log.holder import Holder, holder
from monitor.log.sight import LogSight, look
from monitor.settings.tree import Settings
from monitor.signals.plain_text import one_line
from monitor.store.log_rows import STREAMS as DATABASE_STREAMS
from monitor.web.settings import WebSettings

DATABASE = "database"
"""The reader that reads every stream; the others read changes. The same name as in `monitor/store/reader.py`."""
ASK_S = 2.0
MAX_ANSWER = 1_000_000
MAX_WHY = 500
MAX_UNSEEN = 1000
_NOT_GIVEN = {
    401: "the board has a password: web.board_token_env names its variable",
    403: "without a password the board is shown on loopback only",
    404: "it is something else, or another version",
    421: "it does not serve this host: web.allowed_hosts",
}
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # nothing is bound here


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStatus:
    """The log's files. Sizes in bytes, positions in entries, age in seconds; None: unknown, or there is no entry."""

    folder: str
    size: int
    segments: int
    start: int
    end: int
    newest_at: datetime | None
    newest_age_s: float | None
    set_aside: int
    """Damaged segments that a daemon has set aside."""
    unreadable: Mapping[str, str]
    """Files that could not be read now, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderStatus:
    """One reader of the log: its place, and what it lacks (`behind_s`: the age of the oldest of it). None: unknown, or nothing.

    `state` and `why` are the daemon's own words, if it answers. `configured`: the settings name this reader.
    """

    position: int | None
    entries: int | None
    behind_s: float | None
    owed: int
    """Notes that the receiver of a sink did not accept in time."""
    state: str | None
    why: str
    configured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """How the daemon is. `judged_by`: readyz, or log if there is no web server to ask."""

    ready: bool
    reasons: tuple[str, ...]
    judged_by: str
    running: bool
    process: int | None
    host: str | None
    since: str | None
    log: LogStatus | None
    readers: Mapping[str, ReaderStatus]
    unseen: Mapping[str, int] | None
    """What did not become evidence since the daemon's start, by what it was; None without its answer."""


def status_of(settings: Settings, now: datetime) -> DaemonStatus:
    """How the daemon with these settings is. Raises OperatorError if this user may not read its log."""
    folder = Path(settings.store.folder).expanduser() / "log"
    sight = look(folder)
    held = _holder(folder)
    answer, trouble = _asked(settings.web) if held is not None and settings.web.enabled else (None, "")
    log = None if sight is None else _log_status(folder, sight, now)
    readers = dict(_readers(settings, sight, answer or {}, now))
    if answer is not None:
        reasons = [one_line(str(one), MAX_WHY) for one in answer["reasons"]]
    elif held is None:
        reasons = ["no daemon runs"]
    elif settings.web.enabled:
        reasons = [f"a daemon runs, and its web server does not answer: {trouble}"]
    else:
        reasons = list(_by_log(log, readers))
    process, host, since = (None, None, None) if held is None else (held.process, held.host, held.since)
    return DaemonStatus(
        ready=not reasons, reasons=tuple(reasons), judged_by="log" if answer is None else "readyz",
        unseen=None if answer is None else _unseen(answer),
        running=held is not None, process=process, host=host, since=since, log=log, readers=readers,
    )  # fmt: skip


def _unseen(answer: Mapping[str, Any]) -> dict[str, int]:
    """The daemon's counts of what it did not see, each by its full name; nothing of a daemon that does not count."""
    said = answer.get("unseen")
    found: dict[str, int] = {}
    for what, counts in said.items() if isinstance(said, dict) else ():
        for name, count in counts.items() if isinstance(counts, dict) else [("", counts)]:
            if type(count) is int and count > 0 and len(found) < MAX_UNSEEN:
                found[one_line(f"{what} {name}".strip().replace("_", " ", 1), MAX_WHY)] = count
    return found


def _holder(folder: Path) -> Holder | None:
    try:
        return holder(folder)
    except OSError as error:
        allowed, remedy = "a folder that this user can read", f"{error.strerror}: ask as the daemon's user"
        raise OperatorError("store.folder", str(folder), allowed, remedy) from None


def _log_status(folder: Path, sight: LogSight, now: datetime) -> LogStatus:
    return LogStatus(
        folder=str(folder), size=sight.size, segments=sight.segments, start=sight.start, end=sight.end,
        newest_at=sight.newest_at, newest_age_s=_age_s(sight.newest_at, now), set_aside=sight.set_aside,
        unreadable=sight.unreadable,
    )  # fmt: skip


def _readers(
    settings: Settings, sight: LogSight | None, answer: Mapping[str, Any], now: datetime
) -> Iterator[tuple[str, ReaderStatus]]:
    sinks = {reader_name(name) for name in settings.sinks if settings.sinks[name].get("enabled", True)}
    places = {} if sight is None else sight.places
    for name in sorted({*places, *sinks, DATABASE}):
        said = answer.get("readers", {}).get(name, {})
        configured = name in sinks or not name.startswith(reader_name(""))
        state, why = said.get("state"), one_line(str(said.get("why", "")), MAX_WHY)
        place = places.get(name)
        if place is None or sight is None:
            yield (
                name,
                ReaderStatus(
                    position=None, entries=None, behind_s=None, owed=0, state=state, why=why, configured=configured
                ),
            )
            continue
        memory = _memory(name, place)
        position = max(place.position, memory.reached)
        lacking = sight.lacking(position, DATABASE_STREAMS if name == DATABASE else (Stream.CHANGE,))
        since = [one.since for one in memory.owed] + ([] if lacking.oldest_at is None else [lacking.oldest_at])
        yield name, ReaderStatus(
            position=position, entries=lacking.entries, behind_s=_age_s(min(since, default=None), now),
            owed=len(memory.owed), state=state, why=why, configured=configured,
        )  # fmt: skip


def _memory(name: str, place: Place) -> Memory:
    """What a sink remembers beside its place; nothing for other readers, or if this version cannot read it."""
    if not name.startswith(reader_name("")):
        return Memory()
    try:
        return decode_memory(place.state)
    except ValueError:
        return Memory()


def _by_log(log: LogStatus | None, readers: Mapping[str, ReaderStatus]) -> Iterator[str]:
    """Why a daemon without a web server is not ready, as far as its log shows it."""
    if log is None or log.newest_age_s is None:
        yield "the log has no entry yet"
    elif log.newest_age_s > TICK_LATE_S:
        yield f"nothing was written to the log for {log.newest_age_s:.0f} s"
    for name, one in readers.items():
        if one.configured and one.entries is None:
            yield f"{name} has no place in the log"
        elif one.configured and one.behind_s is not None and one.behind_s > BEHIND_S:
            yield f"{name} is {one.entries} entries behind, the oldest by {one.behind_s:.0f} s"


def _asked(web: WebSettings) -> tuple[dict[str, Any] | None, str]:
    """What `/readyz` answers, or why it does not."""
    said, trouble = asked(web, "/readyz")
    if trouble or (isinstance(said, dict) and isinstance(said.get("reasons"), list)):
        return said, trouble
    return None, f"{web.host}:{web.port} is something else"


def asked(web: WebSettings, path: str, token: str = "", max_bytes: int = MAX_ANSWER) -> tuple[Any, str]:
    """What the daemon's web server answers under a path, as JSON; None and the reason if it does not."""
    import http.client  # it never follows a redirect

    if web.port == 0:
        return None, "web.port is 0, so its port is not known"
    connection = http.client.HTTPConnection(_HERE.get(web.host, web.host), web.port, timeout=ASK_S)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        if answer.status in _NOT_GIVEN:
            return None, f"{web.host}:{web.port} answers {answer.status} ({_NOT_GIVEN[answer.status]})"
        return json.loads(answer.read(max_bytes)), ""
    except TimeoutError:
        return None, f"{web.host}:{web.port} gives no answer in {ASK_S:g} s"
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return None, f"{web.host}:{web.port}: {why}"
    finally:
        connection.close()


def _age_s(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(round((now - at).total_seconds(), 1), 0.0)


def now() -> datetime:
    """The time now."""
    return datetime.now(UTC)
