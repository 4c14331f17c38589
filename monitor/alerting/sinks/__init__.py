"""What a sink is, and which there are: every module here declares its `SINK`, a SinkType; no list names them.

A sink says only delivered, try again, or refused; order, retries and routing are not its business. Its table in the
settings is `[sinks.NAME]`, `type` naming the module where it is not NAME itself, so one desk may have two webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf
from typing import Any, Protocol

from monitor.alerting.concern import Drills, Filters
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Sink
from monitor.errors import Mistakes, OperatorError, nearest
from monitor.incidents import LEGS, LEVEL_NAMES, SINK_PREFIX, Leg, Level
from monitor.registry import Registry
from monitor.settings.reader import read


class SinkFactory(Protocol):
    """Builds a sink from its settings, the environment, and the settings' path for errors ("sinks.desk")."""

    def __call__(self, settings: Any, env: Mapping[str, str], key: str, /) -> Sink:
        """Raises OperatorError."""
        ...


@dataclass(frozen=True, slots=True)
class SinkType:
    """What one module of this folder declares: the class of its settings, and what builds the sink.

    `remind_s`: how often its receiver is told again of an open incident, unless the operator says otherwise; 0 for never.
    """

    settings: type[Any]
    build: SinkFactory
    remind_s: float = 0.0


STALE_AFTER_S = 3600.0
BROKEN_AFTER_S = 300.0
_SINKS: Registry[SinkType] = Registry(__name__, "SINK")


@dataclass(frozen=True, slots=True)
class Route:
    """A sink under the operator's name, what it asks of changes, and the age in seconds at which a change is too old for it.

    `remind_s`: after so many seconds without a note about an open incident it gets a reminder; 0 for never.
    """

    name: str
    rule: Rule
    sink: Sink
    stale_after_s: float = STALE_AFTER_S
    remind_s: float = 0.0
    keeps_alive: bool = False
    """Its receiver forgets what it is not told again: no silence or acknowledgement ends the reminders."""
    type: str = ""
    """The module of the sink, such as webhook."""
    broken_after_s: float = BROKEN_AFTER_S
    """After so many seconds without a success, while there was something to tell, the other sinks are notified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """The keys every sink's table may have."""

    type: str = ""
    enabled: bool = True
    min_level: str = "watch"
    pages_only: bool = False
    changed_level_only: bool = False
    repeat_s: float = 60.0
    stale_after_s: float = STALE_AFTER_S
    broken_after_s: float = BROKEN_AFTER_S
    remind_s: float | None = None
    legs: tuple[str, ...] | None = None
    assets: tuple[str, ...] | None = None
    venues: tuple[str, ...] | None = None
    drill: Drills = Drills.ANY


COMMON: type[Any] = _Common
"""The form of those keys."""
_LEVELS = {LEVEL_NAMES[level]: level for level in Level if level is not Level.CALM}


def names() -> tuple[str, ...]:
    """The sinks found in this folder, sorted, without importing them."""
    return _SINKS.names()


def declared(name: str) -> SinkType:
    """The sink type of this name. Raises KeyError if there is none."""
    return _SINKS.get(name)


def made(settings_sinks: Mapping[str, Mapping[str, Any]], env: Mapping[str, str]) -> list[Route]:
    """The operator's sinks, ready to deliver, by name. Raises OperatorError for unknown names, keys and missing secrets."""
    routes = [_route(name, settings_sinks[name], env) for name in sorted(settings_sinks)]
    return [one for one in routes if one is not None]


def _route(name: str, table: Mapping[str, Any], env: Mapping[str, str]) -> Route | None:
    key = f"sinks.{name}"
    common_keys = [one.name for one in fields(_Common)]
    common = read(_Common, {one: table[one] for one in table if one in common_keys}, key)
    kind = common.type or name
    if kind not in names():
        where, remedy = (f"{key}.type", nearest(kind, names())) if common.type else (key, _untyped(kind))
        raise OperatorError(where, kind, ", ".join(names()), remedy)
    sink_type = declared(kind)
    own_keys = [one.name for one in fields(sink_type.settings)]
    for one in table:
        if one not in common_keys and one not in own_keys:
            known = [*common_keys, *own_keys]
            raise OperatorError(f"{key}.{one}", _kind_of(table[one]), "keys " + ", ".join(known), nearest(one, known))
    if common.min_level not in _LEVELS:
        allowed = ", ".join(_LEVELS)
        raise OperatorError(f"{key}.min_level", common.min_level, allowed, nearest(common.min_level, list(_LEVELS)))
    for one, value in (("stale_after_s", common.stale_after_s), ("broken_after_s", common.broken_after_s)):
        if not 0 < value < inf:
            raise OperatorError(f"{key}.{one}", value, "more than 0", "raise it")
    filters = _filters(common, key)
    if not common.enabled:
        return None
    own = read(sink_type.settings, {one: table[one] for one in table if one in own_keys}, key)
    rule = Rule(
        min_level=_LEVELS[common.min_level],
        pages_only=common.pages_only,
        changed_level_only=common.changed_level_only,
        repeat_s=common.repeat_s,
        filters=filters,
        own_scope=f"{SINK_PREFIX}{name}",
    )
    remind_s = sink_type.remind_s if common.remind_s is None else common.remind_s
    return Route(
        name, rule, sink_type.build(own, env, key), common.stale_after_s, remind_s, sink_type.remind_s > 0, kind,
        common.broken_after_s,
    )  # fmt: skip


def _filters(common: _Common, key: str) -> Filters:
    """The filters of a table. Raises OperatorError with all mistakes; whether a name is watched is the settings' business."""
    mistakes = Mistakes()
    known = [one.value for one in LEGS]
    for name, given in (("legs", common.legs), ("assets", common.assets), ("venues", common.venues)):
        if given == ():
            mistakes.add(OperatorError(f"{key}.{name}", "[]", "at least one name", "take the key out to get all"))
    for index, leg in enumerate(common.legs or ()):
        if leg not in known:
            mistakes.add(OperatorError(f"{key}.legs[{index}]", leg, ", ".join(known), nearest(leg, known)))
    mistakes.tell()
    return Filters(
        legs=frozenset(Leg(one) for one in common.legs or ()),
        assets=frozenset(common.assets or ()),
        venues=frozenset(common.venues or ()),
        drill=common.drill,
    )


def _untyped(kind: str) -> str:
    advice = nearest(kind, names())
    return f"set type to one of them; {advice}" if "did you mean" in advice else "set type to one of them"


def _kind_of(value: object) -> str:
    """What stands under an unknown key, without showing it: a mistyped key may well hold a secret."""
    return f"({type(value).__name__})"


def from_env(key: str, name: str, env: Mapping[str, str]) -> str:
    """The secret in environment variable `name`. Raises OperatorError naming the key and the variable, not the value."""
    value = env.get(name, "")
    if not name or not value:
        raise OperatorError(
            key, name, "the name of an environment variable that is set", f"export {name or 'it'} or take the key out"
        )
    return value
