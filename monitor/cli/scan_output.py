"""Runs `stormwatch chain scan`: scans past blocks, shows a progress bar, and writes a file that a later call can continue.

The file holds one event a line, as JSON. Until the scan is complete, its checkpoint lies beside the file (`FILE.checkpoint`).
A scan that was killed continues when it is called again with the same options: the file ends up the same, byte for byte,
except for the times at which we saw the events.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import OperatorError

if TYPE_CHECKING:
    from chain.events import ChainEvent, NetworkId
    from chain.sync.scan import Progress
    from chain.sync.settings import WatcherSettings

MAX_EVERY_BLOCK = 512
"""A range of at most so many blocks is read block by block by default: it is one sampling interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """A range of blocks to scan, and how closely."""

    network: str
    first: int
    last: int
    every_block: bool

    @property
    def header(self) -> str:
        """The first line of its checkpoint: the checkpoint of another scan is not continued."""
        return json.dumps([self.network, self.first, self.last, self.every_block])


class Output:
    """A file of events and its checkpoint. Raises OperatorError if the file belongs to another scan, or is complete."""

    def __init__(self, path: Path, request: ScanRequest) -> None:
        self._path, self._request = path, request
        self._checkpoint = path.with_name(path.name + ".checkpoint")
        self._last = b""
        try:
            if not path.exists():
                self._checkpoint.unlink(missing_ok=True)  # the file that it belonged to is gone
                path.touch()
            elif path.stat().st_size or self._checkpoint.exists():
                self._resume()
        except OSError as error:
            allowed = "a file that can be written"
            raise OperatorError("--output", str(path), allowed, error.strerror or "name another") from None

    async def load(self, network: NetworkId) -> bytes | None:
        """The last checkpoint of this scan; None at its start."""
        return self._checkpoint.read_bytes().partition(b"\n")[2] or None if self._checkpoint.exists() else None

    def save(self, network: NetworkId, body: bytes) -> None:
        """Replace the checkpoint, completely or not at all."""
        part = self._checkpoint.with_name(self._checkpoint.name + ".part")
        part.write_bytes(self._request.header.encode() + b"\n" + body)
        part.replace(self._checkpoint)

    def take(self, event: ChainEvent) -> None:
        """Append an event, unless it is the one that was being written when the scan was killed."""
        line = json_line(event).encode()
        if not self._last or _id(line) != _id(self._last):
            with self._path.open("ab") as file:
                file.write(line + b"\n")
        self._last = line

    def done(self) -> None:
        """Remove the checkpoint: the scan is complete."""
        self._checkpoint.unlink(missing_ok=True)

    def _resume(self) -> None:
        if not self._checkpoint.exists():
            raise OperatorError("--output", self._path, "a new file, or one whose scan was interrupted", "name another")
        if self._checkpoint.read_bytes().partition(b"\n")[0].decode(errors="replace") != self._request.header:
            raise OperatorError(
                "--output", self._path, "a file of this very scan", "give the same blocks, or name another"
            )
        body = self._path.read_bytes()
        whole = body[: body.rfind(b"\n") + 1]  # a line that was cut short does not count
        if whole != body:
            self._path.write_bytes(whole)
        self._last = whole.splitlines()[-1] if whole else b""


async def scan_into(
    settings: WatcherSettings, request: ScanRequest, take: Callable[[ChainEvent], None], output: Output | None
) -> None:
    """Scan, and give each event to `take` in order. Raises OperatorError if no node has a block."""
    from chain.events.network import HeadSeen, NodeFault
    from chain.sync.scan import ScanIncomplete, ScanOptions, scan

    why = "it does not keep that history"
    with _bar(request) as progress:
        options = ScanOptions(every_block=request.every_block, progress=progress, checkpoints=output)
        events: AsyncIterator[ChainEvent] = scan(settings, request.first, request.last, options=options)
        try:
            async with aclosing(events) as open_events:  # type: ignore[type-var]
                async for event in open_events:
                    if isinstance(event, NodeFault):
                        why = f"{event.node}: {event.fault.value} {event.detail}"
                    elif not isinstance(event, HeadSeen):
                        take(event)
        except ScanIncomplete as error:
            raise OperatorError(
                f"networks.{request.network}.nodes",
                f"block {error.number}",
                "nodes that have every block of the range, with its state",
                f"{why}; choose another range, or name another node",
            ) from None
    if output:
        output.done()


def plain(event: ChainEvent) -> dict[str, object]:
    """An event as plain values that JSON can hold, its kind first."""
    import msgspec

    fields = msgspec.to_builtins(event)
    assert isinstance(fields, dict)
    return {"kind": type(event).__name__, **fields}


def json_line(event: ChainEvent) -> str:
    """An event as one line of JSON, by the standard library: amounts have up to 256 bits."""
    return json.dumps(plain(event), sort_keys=True, separators=(",", ":"))


def _id(line: bytes) -> object:
    return json.loads(line).get("event_id")


@contextmanager
def _bar(request: ScanRequest) -> Iterator[Progress]:
    """Show a progress bar on stderr if that is a terminal, and removes it at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("blocks, {task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(request.network, total=request.last + 1 - request.first, pace="")

        def show_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            speed = bar.tasks[0].speed
            bar.update(task, pace=f"{speed:,.0f}/s" if speed else "")

        yield show_progress
