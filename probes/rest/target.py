"""Declares one target of the operator's own, and judges its answers by the conditions he stated: status, body and time. Pure.

A target is any URL or WebSocket that a desk depends on: an RPC provider, a bridge, a custodian, a front end. Paths are JSONPath
(RFC 9535, strict), with what could be slow left out: see `path_mistake` and `pattern_mistake`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from math import isfinite
from typing import Any

import msgspec
from jsonpath import CompoundJSONPath, JSONPath, JSONPathEnvironment, JSONPathError

from probes.readings import ClaimState, Refusal, VenueId
from probes.rest.refusals import REDIRECTS
from probes.tape import HttpExchange

PREFIX = "target:"
MAX_PATH = 200
MAX_PATTERN = 200
MAX_TEXT = 1000
"""Characters of a text that a pattern is tried on; a longer one is not read."""
MAX_NODES = 100
"""The most places of a body that one path may find."""
MAX_OPEN_REPEATS = 2
DETAIL_LENGTH = 200
_HEX = re.compile(r"0x[0-9a-fA-F]{1,64}")
_OPEN_REPEAT = re.compile(r"[*+]|\{\d*,\}")
_NOT_PLAIN = re.compile(r"\\[1-9]|\(\?(?!:)|\)(?:[*+?]|\{)")
"""Back references, look-around and named groups, and the repeat of a group: these can take time without bound."""
_BY_STATUS = {401: Refusal.UNAUTHORIZED, 429: Refusal.THROTTLED, 451: Refusal.GEO_BLOCKED}
UNREACHED = frozenset({Refusal.TIMEOUT, Refusal.DNS, Refusal.REFUSED, Refusal.RESET, Refusal.TLS, Refusal.LOCAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyCondition:
    """What the value at `path` of the JSON body must be; with a path alone, that it is there.

    Every value that the path finds must fit, and at least one must be there; `exists` false: none may be there. `least` and
    `most` bound a number, or a text of hexadecimal digits behind 0x. `matches` must fit the whole text.
    """

    path: str
    exists: bool = True
    equals: Any = None
    least: float | None = None
    most: float | None = None
    matches: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target. A URL of ws or wss is opened and, if there is something to send or to read, its first message is judged.

    `body` is posted as JSON (HTTP), or sent as the first text (WebSocket); None: a GET, or nothing. `statuses` are good ones.
    """

    name: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None
    statuses: tuple[int, ...] = (200,)
    conditions: tuple[BodyCondition, ...] = ()
    latency_s: float | None = None
    every_s: float = 10.0
    timeout_s: float = 5.0
    max_bytes: int = 262_144
    ca_file: str = ""

    @property
    def id(self) -> VenueId:
        """How its readings name it: "target:NAME"."""
        return VenueId(PREFIX + self.name)

    @property
    def is_socket(self) -> bool:
        """Whether it is a WebSocket."""
        return self.url.startswith("ws")

    @property
    def check(self) -> str:
        """The name of its only check, by protocol."""
        return "websocket" if self.is_socket else "http"


def judge(target: Target, got: HttpExchange) -> tuple[Refusal | None, str]:
    """Why an answer is not good, with the condition that it failed; None and "" for a good one.

    An answer that only our keys, our place or our haste brought about is refused with that reason (401, 451, 429).
    """
    if got.refusal is not None:
        return got.refusal, got.detail
    status = got.status or 0
    if not target.is_socket and status not in target.statuses:
        words = f"HTTP {status}" + (", redirect refused" if status in REDIRECTS else "")
        return _BY_STATUS.get(status, Refusal.UNMET), f"{words}; allowed: {', '.join(map(str, target.statuses))}"
    unmet = _body_unmet(target.conditions, got.body) if target.conditions else ""
    if unmet:
        return Refusal.UNMET, unmet[:DETAIL_LENGTH]
    took_s = (got.received_at - got.sent_at).total_seconds()
    if target.latency_s is not None and took_s > target.latency_s:
        return Refusal.SLOW, f"took {took_s:.3g} s; allowed: {target.latency_s:g} s"
    return None, ""


def claim_state(refusal: Refusal | None) -> ClaimState:
    """What became of the question: answered as it should be, not answered at all, or refused."""
    if refusal is None:
        return ClaimState.SPEAKING
    return ClaimState.SILENT if refusal in UNREACHED else ClaimState.REFUSED


def _body_unmet(conditions: tuple[BodyCondition, ...], body: bytes) -> str:
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "the body is not JSON"
    for one in conditions:
        unmet = _unmet(one, tree)
        if unmet:
            return f"{one.path}: {unmet}"
    return ""


def _unmet(one: BodyCondition, tree: object) -> str:
    if not isinstance(tree, dict | list):
        return "the body is neither an object nor a list"
    try:
        found = [match.obj for match in islice(_compiled(one.path).finditer(tree), MAX_NODES + 1)]
    except (JSONPathError, RecursionError):
        return "the body is too deep"
    if len(found) > MAX_NODES:
        return f"more than {MAX_NODES} values"
    if not one.exists:
        return "there, and should not be" if found else ""
    if not found:
        return "not there"
    return next((unmet for value in found if (unmet := _value_unmet(one, value))), "")


def _value_unmet(one: BodyCondition, value: object) -> str:
    if one.equals is not None and not _same(value, one.equals):
        return f"not {one.equals!r}"
    if one.least is not None or one.most is not None:
        number = _number(value)
        if number is None:
            return "not a number"
        if one.least is not None and number < one.least:
            return f"{number:.17g} below {one.least:g}"
        if one.most is not None and number > one.most:
            return f"{number:.17g} above {one.most:g}"
    if one.matches is not None:
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            return f"not a text of at most {MAX_TEXT} characters"
        if re.fullmatch(one.matches, value) is None:
            return "does not match"
    return ""


def _same(value: object, wanted: object) -> bool:
    """Equal in JSON's sense: true is not 1, 1.0 is 1."""
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def _number(value: object) -> float | None:
    if isinstance(value, str) and _HEX.fullmatch(value):
        return float(int(value, 16))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond 1e308
        return None
    return number if isfinite(number) else None


def _environment() -> JSONPathEnvironment:
    """RFC 9535 without the two functions that run a pattern: theirs have no bound."""
    environment = JSONPathEnvironment(strict=True)
    for name in ("match", "search"):
        environment.function_extensions.pop(name)
    return environment


_PATHS = _environment()


@lru_cache(maxsize=256)
def _compiled(path: str) -> JSONPath | CompoundJSONPath:
    return _PATHS.compile(path)


def path_mistake(path: str) -> str:
    """What is wrong with a path that an operator wrote, "" for a good one.

    It may descend (`..`) once, because each further time multiplies the work, and has no `match` and `search`.
    """
    if len(path) > MAX_PATH:
        return f"at most {MAX_PATH} characters"
    if path.count("..") > 1:
        return "at most one descent (..)"
    try:
        _compiled(path)
    except (JSONPathError, RecursionError) as error:
        return f"JSONPath of RFC 9535, such as $.result.height: {type(error).__name__}"
    return ""


def pattern_mistake(pattern: str) -> str:
    """What is wrong with a pattern that an operator wrote, "" for a good one: its time must be bounded on any text."""
    if len(pattern) > MAX_PATTERN:
        return f"at most {MAX_PATTERN} characters"
    plain = re.sub(r"\\[^1-9]|\[(?:\\.|[^\]\\])*\]", "x", pattern)
    if _NOT_PLAIN.search(plain):
        return "no repeated group, no back reference, no look-around"
    if len(_OPEN_REPEAT.findall(plain)) > MAX_OPEN_REPEATS:
        return f"at most {MAX_OPEN_REPEATS} open repeats (*, +, {{n,}})"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"a regular expression: {error}"
    return ""
