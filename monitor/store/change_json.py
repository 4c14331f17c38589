"""Incident changes as JSON and back. JSON knows no NaN and no infinity: they are told as null and read back as NaN."""

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
    """The documented JSON of an incident change."""
    return _encoder.encode(change)


def decode_change(body: bytes | str) -> IncidentChange:
    """An incident change from its JSON. Raises ValueError where it is none."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        return msgspec.convert(_mended(msgspec.json.decode(body), IncidentChange), IncidentChange)


@cache
def _hints(form: type[Any]) -> dict[str, Any]:
    return get_type_hints(form)


def _mended(value: Any, hint: Any) -> Any:
    """The same plain value with NaN in every place where a number must stand and null does."""
    if hint is float:
        return nan if value is None else value
    if get_origin(hint) in (Union, types.UnionType):
        arms = [arm for arm in get_args(hint) if arm is not types.NoneType]
        return value if value is None or len(arms) != 1 else _mended(value, arms[0])
    if get_origin(hint) is tuple and isinstance(value, list):
        return [_mended(one, get_args(hint)[0]) for one in value]
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        known = _hints(hint)
        return {one.name: _mended(value[one.name], known[one.name]) for one in fields(hint) if one.name in value}
    return value
