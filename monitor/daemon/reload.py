"""Applies settings that were read again to a running daemon: its sinks, its windows of maintenance and its log level.

Everything else needs a restart. Settings with a mistake, or with another key changed, are refused as a whole: one line of the
log says why, and the daemon goes on as before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from monitor.alerting.maintenance import windows_of
from monitor.alerting.sinks import Route, made
from monitor.daemon.daemon import Daemon
from monitor.errors import OperatorError
from monitor.settings.changes import changed_keys
from monitor.settings.tree import LogLevel, Settings

RELOADED = ("sinks", "maintenance", "log_level")
MAX_KEYS = 20
"""How many keys that need a restart are named."""
log = logging.getLogger("stormwatch.reload")


class Reloader:
    """Reads the settings again with `read`, which raises OperatorError; `on_level` sets the log level."""

    def __init__(self, daemon: Daemon, read: Callable[[], Settings], on_level: Callable[[LogLevel], None]) -> None:
        self._daemon = daemon
        self._read = read
        self._on_level = on_level

    async def run(self, asked: asyncio.Event) -> None:
        """Reload whenever `asked` is set, until cancelled."""
        while True:
            await asked.wait()
            asked.clear()
            await self.once()

    async def once(self) -> bool:
        """Read and apply the settings; False if they are refused."""
        try:
            settings = await asyncio.to_thread(self._read)
        except OperatorError as error:
            return _refused([str(error)])
        routes, reasons = self._routes(settings)
        keys = changed_keys(self._daemon.settings, settings)
        if fixed := [key for key in keys if key.partition(".")[0] not in RELOADED]:
            named = ", ".join(fixed[:MAX_KEYS]) + (
                f" and {len(fixed) - MAX_KEYS} more" if len(fixed) > MAX_KEYS else ""
            )
            reasons.append(f"a restart is needed for {named}")
        if reasons:
            return _refused(reasons)
        before = self._daemon.settings.sinks
        touched = {name for name in settings.sinks if settings.sinks[name] != before.get(name)}
        exchanged = await self._daemon.sinks.exchange(routes, touched)
        self._daemon.settings = settings
        self._daemon.quiet.windows = windows_of(settings.maintenance)
        self._on_level(settings.log_level)
        parts = [("new", exchanged.new), ("changed", exchanged.changed), ("gone", exchanged.gone)]
        words = [f"{what}: {', '.join(f'sink {name}' for name in names)}" for what, names in parts if names]
        words += [f"windows of maintenance: {len(settings.maintenance)}"] if "maintenance" in keys else []
        words += [f"log_level is {settings.log_level}"] if "log_level" in keys else []
        log.info("the settings were read again; %s", "; ".join(words) or "nothing has changed")
        return True

    def _routes(self, settings: Settings) -> tuple[list[Route], list[str]]:
        """The sinks, and every mistake in their tables."""
        routes: list[Route] = []
        mistakes: list[str] = []
        for name in sorted(settings.sinks):
            try:
                routes += made({name: settings.sinks[name]}, self._daemon.env)
            except OperatorError as error:
                mistakes.append(str(error))
        return routes, mistakes


def _refused(reasons: list[str]) -> bool:
    log.error("the settings are not reloaded, and everything goes on as before: %s", "; ".join(reasons))
    return False
