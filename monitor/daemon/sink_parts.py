"""Runs the reader of each sink as a part of the daemon, and exchanges the sinks while it runs.

A sink that stays is not disturbed. One whose table has changed goes on with the new one where it was; a new one begins at the
end of the log; one that is gone is finished, and its place is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitor.alerting.delivery import Deliveries
from monitor.alerting.memory import reader_name
from monitor.alerting.sinks import Route
from monitor.daemon.supervisor import Part, Supervisor
from monitor.log.sqlite_log import SqliteLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """The sinks that are new, changed and gone, by name, sorted."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


class SinkParts:
    """The parts of all sinks. `start` once the log is open and the deliveries too; `stop` at the end."""

    def __init__(self, deliveries: Deliveries, log: SqliteLog, supervisor: Supervisor) -> None:
        self._deliveries = deliveries
        self._log = log
        self._supervisor = supervisor
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run every sink in this group."""
        self._group = group
        for name in self._deliveries.names:
            self._run(name)

    def close(self) -> None:
        """Start no sink any more: what runs may finish."""
        self._group = None

    async def stop(self) -> None:
        """End every sink where it stands."""
        self.close()
        await self._end(tuple(self._tasks))

    async def exchange(self, routes: Sequence[Route], touched: Collection[str]) -> Exchanged:
        """Run these sinks from now on. `touched` names those whose table differs from before."""
        before, after = set(self._deliveries.names), {one.name for one in routes}
        gone, changed, new = before - after, before & after & set(touched), after - before
        await self._end((*gone, *changed))
        for name in gone:
            self._deliveries.end(name)
            self._log.forget(reader_name(name))
            self._supervisor.forget(_part_name(name))
        for route in routes:
            if route.name in new:
                self._log.begin(reader_name(route.name))
            if route.name in new | changed:
                self._deliveries.begin(route)
                self._run(route.name)
        return Exchanged(new=tuple(sorted(new)), changed=tuple(sorted(changed)), gone=tuple(sorted(gone)))

    def _run(self, name: str) -> None:
        if self._group is not None:
            part_name = _part_name(name)
            self._tasks[name] = self._group.create_task(
                self._supervisor.run(part_name, self._part(name)), name=part_name
            )

    def _part(self, name: str) -> Part:
        async def part() -> None:
            await self._deliveries.run(name)

        return part

    async def _end(self, names: Collection[str]) -> None:
        ending = [self._tasks.pop(name) for name in names if name in self._tasks]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


def _part_name(sink: str) -> str:
    return f"sink {sink}"
