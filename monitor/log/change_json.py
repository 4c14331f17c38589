"""Encodes incident changes as JSON and decodes them. JSON has no NaN and no infinity: both become null, and null becomes NaN."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from functools import cache
from math import nan
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from monitor.incidents import IncidentChange

_decoder = msgspec.json.Decoder(IncidentChange)
_encoder = msgspec.json.Encoder()


def encode_change(change: IncidentChange) -> bytes:
    """Encode an incident change as documented."""
    return _encoder.encode(change)


def decode_change(body: bytes | str) -> IncidentChange:
    """Decode an incident change. Raises ValueError if the JSON is not one."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        return msgspec.convert(_with_nan(msgspec.json.decode(body), IncidentChange), IncidentChange)


@cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    return get_type_hints(cls)


def _with_nan(value: Any, hint: Any) -> Any:
    """The same plain value with NaN instead of null wherever the type requires a number."""
    if hint is float:
        return nan if value is None else value
    if get_origin(hint) in (Union, types.UnionType):
        arms = [arm for arm in get_args(hint) if arm is not types.NoneType]
        return value if value is None or len(arms) != 1 else _with_nan(value, arms[0])
    if get_origin(hint) is tuple and isinstance(value, list):
        return [_with_nan(one, get_args(hint)[0]) for one in value]
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        known = _hints(hint)
        return {one.name: _with_nan(value[one.name], known[one.name]) for one in fields(hint) if one.name in value}
    return value
