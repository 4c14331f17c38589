"""Foresees what `stormwatch run` would do with settings: makes everything that run makes, and starts none of it.

All mistakes are reported at once. What is not a mistake and still matters at night is a warning.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chain.nodes.web3_node import redacted
from chain.sync.settings import WatcherSettings, asks_traces
from monitor.alerting.sinks import made
from monitor.daemon.assembly import board_token, enabled_networks, enabled_venues, prober_settings, watcher_settings
from monitor.daemon.explorer_checks import books_of
from monitor.errors import Mistakes, OperatorError
from monitor.log.bus.connection import Bus
from monitor.settings.check import check_url
from monitor.settings.coinglass import coinglass_access
from monitor.settings.targets import targets_of
from monitor.settings.tree import Settings
from monitor.store.dsn import find
from monitor.telemetry.export import otlp_headers
from probes.prober import ProberSettings
from probes.rest.target import Target


@dataclass(slots=True)
class Foreseen:
    """What a run would use, as far as there is no mistake in it."""

    probers: dict[str, ProberSettings] = field(default_factory=dict)
    watchers: dict[str, WatcherSettings] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    market_totals: tuple[str, ...] = ()
    routes: int = 0
    own_database: bool = False
    untraced: list[str] = field(default_factory=list)
    """Nodes of which no traces are requested."""
    warnings: list[str] = field(default_factory=list)


def foresee(settings: Settings, env: Mapping[str, str], mistakes: Mistakes) -> Foreseen:
    """What a run with these settings would use; nothing is asked. Its mistakes are added."""
    found = Foreseen()
    for name in enabled_venues(settings):
        with mistakes:
            found.probers[name] = prober_settings(settings, name, env)
    for name in enabled_networks(settings):
        with mistakes:
            chosen = watcher_settings(settings, name, env)
            found.watchers[name] = chosen
            found.untraced += [f"{name} {redacted(url)}" for url in chosen.nodes if not asks_traces(url, chosen.traces)]
            books_of(settings, name, env)
    with mistakes:
        found.targets = targets_of(settings.targets, env, check_url)
    with mistakes:
        totals = coinglass_access(settings.coinglass, enabled_venues(settings), env)
        found.market_totals = () if totals is None else tuple(totals.exchanges)
    for name in sorted(settings.sinks):
        with mistakes:
            found.routes += len(made({name: settings.sinks[name]}, env))
    with mistakes:
        found.own_database = find(settings.store, env) is not None
    with mistakes:
        _check_folder(settings.store.folder)
    with mistakes:
        board_token(settings, env)
    with mistakes:
        otlp_headers(settings.telemetry, env)
    if settings.bus.servers:
        with mistakes:
            Bus(settings.bus, env, "stormwatch")
    if not mistakes:  # else: it may follow from another, and a run would tell the other first
        with mistakes:
            _check_something_is_watched(settings)
    found.warnings = _warnings(settings)
    return found


def _check_something_is_watched(settings: Settings) -> None:
    watched = (settings.venues, settings.networks, settings.targets)
    if not settings.bus.servers and not any(one.enabled for table in watched for one in table.values()):
        raise OperatorError(
            "settings", "nothing to watch", "at least one [venues.NAME], [networks.NAME] or [targets.NAME] that is enabled",
            "`stormwatch config init` writes a file to begin with",
        )  # fmt: skip


def _check_folder(folder: str) -> None:
    """Check that the folder can be written, or made in the nearest folder that there is. Nothing is made."""
    path = Path(folder).expanduser().absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        why = "no folder" if not path.is_dir() else "not writable for this user"
        raise OperatorError("store.folder", folder, "a folder that can be written", f"{path} is {why}: name another")


def _warnings(settings: Settings) -> list[str]:
    found = []
    if enabled_venues(settings) and not settings.controls.targets:
        found.append("no [controls] targets: a failure of our own network would look like one of the venues")
    if enabled_venues(settings) and not settings.assets:
        found.append("no [assets.NAME]: no asset is judged")
    if not any(table.get("enabled", True) for table in settings.sinks.values()):
        found.append("no [sinks.NAME]: nobody is notified of an incident")
    return found
