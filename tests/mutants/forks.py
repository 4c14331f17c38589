"""Runs tests in forks of one warm process: third-party packages are imported once, the project's own in every fork.

A fork may have one module's source replaced, and may record which lines each test runs. It is ended, with every process that
it started, when its time is over: processor time, so that a busy machine kills no mutant, or eight times as much clock time.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from types import CodeType

from tests.mutants.inside import run_tests
from tests.mutants.targets import FLOORS, ROOT, WORK

HEAVY = (
    "aiohttp",
    "aiohttp.web",
    "asyncpg",
    "coverage",
    "hypothesis",
    "jsonschema",
    "msgspec",
    "numpy",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.prometheus",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.sdk.trace.export",
    "pandas",
    "pytest",
    "rich.console",
    "tenacity",
    "typer",
    "web3",
    "web3.providers.persistent",
)
MARK = "STORMWATCH_MUTANT"
MOST_MEMORY = 6 * 1024**3
POLL_S = 0.02
CLOCK_FOR_CPU = 8
"""Clock seconds allowed for each second of processor time, because a fork may wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The task of one fork: which tests of which files, with which module replaced."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...] | None = None
    replaced: tuple[str, str] | None = None
    max_failures: int = 1
    limit_s: float = 120.0
    """Processor time."""
    traces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of a job. `failed` lists the failed tests; `code` is pytest's exit code, None if the fork was ended or died."""

    job: Job
    code: int | None
    failed: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    timed_out: bool = False
    took_s: float = 0.0
    printed: str = ""


def warm() -> None:
    """Import the slow third-party packages."""
    import_limit = sys.getrecursionlimit()
    for name in HEAVY:
        importlib.import_module(name)
    sys.setrecursionlimit(import_limit)  # a library under web3 raises it
    from hypothesis import settings

    settings.register_profile("mutants", database=None, derandomize=True, deadline=None)
    settings.load_profile("mutants")
    ours = [name for name in sys.modules if name.partition(".")[0] in FLOORS]
    assert not ours, f"{ours} would not be replaced"


def run(jobs: deque[Job], at_once: int, then: Callable[[Done], None]) -> None:
    """Run all jobs, `at_once` at a time; `then` is called with each result and may append more jobs."""
    WORK.mkdir(exist_ok=True)
    (WORK / ".gitignore").write_text("*\n")
    running: dict[int, tuple[Job, float]] = {}
    try:
        while jobs or running:
            while jobs and len(running) < at_once:
                job = jobs.popleft()
                running[_fork(job)] = (job, time.monotonic())
            time.sleep(POLL_S)
            for done, pid in list(_ended(running)):
                del running[pid]
                then(done)
    finally:
        for pid in running:
            _end(pid)


def _ended(running: dict[int, tuple[Job, float]]) -> Iterator[tuple[Done, int]]:
    for pid, (job, since) in running.items():
        took_s = time.monotonic() - since
        over = took_s > CLOCK_FOR_CPU * job.limit_s
        if over:
            os.killpg(pid, signal.SIGKILL)
        ended, status = os.waitpid(pid, 0 if over else os.WNOHANG)
        if ended:
            _end_left_over(pid)
            yield _read(job, pid, None if over else os.waitstatus_to_exitcode(status), took_s), pid


def _read(job: Job, pid: int, code: int | None, took_s: float) -> Done:
    answer, printed = _answer(pid), _printed(pid)
    text = printed.read_text(encoding="utf-8", errors="replace")[-3000:]
    result = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    for path in (answer, printed):
        path.unlink(missing_ok=True)
    shutil.rmtree(_folder(pid), ignore_errors=True)
    return Done(
        job=job,
        code=code if result else None,
        failed=tuple(result.get("failed", ())),
        seconds=result.get("seconds", {}),
        lines=result.get("lines", {}),
        timed_out=code in (None, -signal.SIGXCPU, -signal.SIGKILL),
        took_s=took_s,
        printed=text,
    )


def _answer(pid: int) -> Path:
    return WORK / f"{pid}.json"


def _printed(pid: int) -> Path:
    return WORK / f"{pid}.txt"


def _folder(pid: int) -> Path:
    """The fork's own folder for the files of its tests. In one that all forks share, pytest removes what others still use."""
    return Path(tempfile.gettempdir()) / f"stormwatch-mutant-{pid}"


def _fork(job: Job) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        os.environ[MARK] = str(os.getpid())
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (ceil(job.limit_s), ceil(job.limit_s) + 5))
        _redirect(_printed(os.getpid()))
        if job.replaced is not None:
            _replace(*job.replaced)
        result = run_tests(job.files, job.tests, job.max_failures, folder=_folder(os.getpid()), traces=job.traces)
        waiting = _answer(os.getpid()).with_suffix(".part")
        waiting.write_text(json.dumps(result), encoding="utf-8")
        waiting.rename(_answer(os.getpid()))
        code = result["code"]
    except BaseException:  # noqa: BLE001  (nothing may come back from a fork)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(path: Path) -> None:
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)


def _replace(path: str, source: str) -> None:
    """Make the import of the module at `path` use this source from now on."""
    wanted = str(ROOT / path)
    loader = importlib.machinery.SourceFileLoader
    whole = loader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        if self.get_filename(fullname) == wanted:
            return compile(source, wanted, "exec", dont_inherit=True)
        return whole(self, fullname)

    setattr(loader, "get_code", get_code)  # noqa: B010  (the type checker refuses an assignment to a method)


def _end(pid: int) -> None:
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    _end_left_over(pid)


def _end_left_over(pid: int) -> None:
    """End the processes that a fork started in own sessions (such as a database), found by a mark in their environment."""
    mark = f"{MARK}={pid}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                os.kill(int(place.name), signal.SIGKILL)
        except OSError:
            continue  # it has ended, or belongs to another user
