"""Reading a stretch of a chain's past for `stormwatch chain scan`: a bar on a terminal, and a file that can be gone on with.

With a file, each event is one line of JSON and where the scan stands lies beside it (`FILE.checkpoint`), until it is done. A
scan that was killed goes on when it is called again in the same words: the file ends up the same, byte for byte, but for the
times at which we saw things.
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

EACH_BLOCK = 512
"""Blocks up to which a scan reads the state of each, where nobody says otherwise: one stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be scanned."""

    network: str
    first: int
    last: int
    every_block: bool

    @property
    def words(self) -> str:
        """As written at the head of a checkpoint: another scan's is not gone on with."""
        return json.dumps([self.network, self.first, self.last, self.every_block])


class Output:
    """A file of events, and where its scan stands. Raises OperatorError where the file is another scan's, or done."""

    def __init__(self, path: Path, asked: Asked) -> None:
        self._path, self._asked = path, asked
        self._kept = path.with_name(path.name + ".checkpoint")
        self._last = b""
        if not path.exists():
            self._kept.unlink(missing_ok=True)  # what it stood for is gone
            path.touch()
        elif path.stat().st_size or self._kept.exists():
            self._go_on()

    async def load(self, network: NetworkId) -> bytes | None:
        """Where the scan stood."""
        return self._kept.read_bytes().partition(b"\n")[2] or None if self._kept.exists() else None

    def save(self, network: NetworkId, body: bytes) -> None:
        """Keep this instead, whole or not at all."""
        part = self._kept.with_name(self._kept.name + ".part")
        part.write_bytes(self._asked.words.encode() + b"\n" + body)
        part.replace(self._kept)

    def take(self, event: ChainEvent) -> None:
        """Write it, unless it is the one that was being written when the scan was killed."""
        line = written(event).encode()
        if not self._last or _id(line) != _id(self._last):
            with self._path.open("ab") as file:
                file.write(line + b"\n")
        self._last = line

    def done(self) -> None:
        """The scan is whole: nothing to go on with."""
        self._kept.unlink(missing_ok=True)

    def _go_on(self) -> None:
        if not self._kept.exists():
            raise OperatorError("--output", self._path, "a new file, or one whose scan was broken off", "name another")
        if self._kept.read_bytes().partition(b"\n")[0].decode(errors="replace") != self._asked.words:
            raise OperatorError(
                "--output", self._path, "a file of this very scan", "ask for the same blocks, or name another"
            )
        body = self._path.read_bytes()
        whole = body[: body.rfind(b"\n") + 1]  # a torn line was never taken
        if whole != body:
            self._path.write_bytes(whole)
        self._last = whole.splitlines()[-1] if whole else b""


async def scan_into(
    settings: WatcherSettings, asked: Asked, take: Callable[[ChainEvent], None], output: Output | None
) -> None:
    """Give each event to `take`, in order. Raises OperatorError where no node gives a block."""
    from chain.events.network import HeadSeen, NodeFault
    from chain.sync.scan import ScanIncomplete, scan

    why = "it does not keep that history"
    with _bar(asked) as progress:
        events: AsyncIterator[ChainEvent] = scan(
            settings, asked.first, asked.last, every_block=asked.every_block, progress=progress, checkpoints=output
        )
        try:
            async with aclosing(events) as some:  # type: ignore[type-var]
                async for event in some:
                    if isinstance(event, NodeFault):
                        why = f"{event.node}: {event.fault.value} {event.detail}"
                    elif not isinstance(event, HeadSeen):
                        take(event)
        except ScanIncomplete as error:
            raise OperatorError(
                f"networks.{asked.network}.nodes",
                f"block {error.number}",
                "nodes that have every block of the range, with its state",
                f"{why}; choose another range, or name another node",
            ) from None
    if output:
        output.done()


def plain(event: ChainEvent) -> dict[str, object]:
    """An event as JSON can hold it, its kind first."""
    import msgspec

    found = msgspec.to_builtins(event)
    assert isinstance(found, dict)
    return {"kind": type(event).__name__, **found}


def written(event: ChainEvent) -> str:
    """One line of JSON. By the standard library: amounts have up to 256 bits."""
    return json.dumps(plain(event), sort_keys=True, separators=(",", ":"))


def _id(line: bytes) -> object:
    return json.loads(line).get("event_id")


@contextmanager
def _bar(asked: Asked) -> Iterator[Progress]:
    """A bar on stderr, where that is a terminal; it leaves nothing behind."""
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
        task = bar.add_task(asked.network, total=asked.last + 1 - asked.first, pace="")

        def told(done: int, whole: int) -> None:
            bar.update(task, completed=done, total=whole)
            speed = bar.tasks[0].speed
            bar.update(task, pace=f"{speed:,.0f}/s" if speed else "")

        yield told
