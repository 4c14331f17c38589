"""Declares and checks the operator's own targets: `[targets.NAME]`, a URL or WebSocket, with what its answers must be."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import Mistakes, OperatorError, nearest
from monitor.settings.shown import is_secretive, kind_of
from probes.rest.refusals import REDIRECTS
from probes.rest.target import BodyCondition, Target, path_mistake, pattern_mistake

MAX_TARGETS = 64
MAX_CONDITIONS = 16
MAX_BODY = 65_536
MAX_BYTES = 8_000_000
MIN_EVERY_S = 1.0
MAX_SECRET = 4096
SCHEMES = ("http", "https", "ws", "wss")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_SECRET_HEADERS = ("authorization", "cookie", "auth", "session")
_HELD = ("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade")
"""Headers that the protocol itself sets."""

CheckUrl = Callable[[str, str, tuple[str, ...]], None]
"""Checks a URL: the key to name, the URL, the schemes that are allowed. Raises OperatorError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One target: what is asked, how often, and what the answer must be.

    `url`, or `url_env` for one with a key in it. With `body`, it is posted as JSON (HTTP) or sent as the first text (WebSocket).
    `headers` are plain; `headers_env` names the variable that holds a header's value, `headers_file` the file. `assets` are
    those that depend on it (none named: all). `weight` is how much its failure counts for them: 1 is as much as one venue.
    """

    url: str = ""
    url_env: str = ""
    enabled: bool = True
    assets: tuple[str, ...] = ()
    weight: float = 1.0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_env: Mapping[str, str] = field(default_factory=dict)
    headers_file: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (200,)
    conditions: tuple[BodyCondition, ...] = ()
    latency_s: float | None = None
    every_s: float = 10.0
    timeout_s: float = 5.0
    max_bytes: int = 262_144
    ca_file: str = ""


def check_targets(targets: Mapping[str, TargetSettings], assets: Mapping[str, object], check_url: CheckUrl) -> None:
    """Check every target; all mistakes are told at once. Raises OperatorError."""
    mistakes = Mistakes()
    with mistakes:
        if len(targets) > MAX_TARGETS:
            raise OperatorError("targets", len(targets), f"at most {MAX_TARGETS} targets", "take some out")
    for name, one in targets.items():
        at = f"targets.{name}"
        with mistakes:
            if not _NAME.fullmatch(name):
                raise OperatorError("targets", name, "a-z, 0-9, _ and -, at most 32 characters", "rename it")
        with mistakes:
            if bool(one.url) == bool(one.url_env):
                raise OperatorError(f"{at}.url", None, "either url or url_env", "give one of them")
            if one.url:
                check_url(f"{at}.url", one.url, SCHEMES)
        for mistake in _mistakes(at, one, assets):
            mistakes.add(mistake)
    mistakes.tell()


def _mistakes(at: str, one: TargetSettings, assets: Mapping[str, object]) -> Iterator[OperatorError]:
    for asset in one.assets:
        if asset not in assets:
            allowed = ", ".join(assets) or "(none is configured)"
            yield OperatorError(f"{at}.assets", asset, allowed, nearest(asset, list(assets)))
    yield from _number_mistakes(at, one)
    yield from _header_mistakes(at, one)
    for status in one.statuses:
        if not 200 <= status <= 599 or status in REDIRECTS:
            remedy = "name the address it points to: no redirect is followed" if status in REDIRECTS else "correct it"
            yield OperatorError(f"{at}.statuses", status, "200 to 599 without redirects", remedy)
    if not one.statuses:
        yield OperatorError(f"{at}.statuses", [], "at least one HTTP status", f"write [{HTTPStatus.OK.value}]")
    if len(one.conditions) > MAX_CONDITIONS:
        yield OperatorError(f"{at}.conditions", len(one.conditions), f"at most {MAX_CONDITIONS}", "take some out")
    for index, condition in enumerate(one.conditions):
        yield from _condition_mistakes(f"{at}.conditions[{index}]", condition)
    if one.body is not None:
        yield from _body_mistakes(f"{at}.body", one.body)


def _number_mistakes(at: str, one: TargetSettings) -> Iterator[OperatorError]:
    if one.every_s < MIN_EVERY_S:
        yield OperatorError(f"{at}.every_s", one.every_s, f"{MIN_EVERY_S:g} s or more", "raise it")
    if not 0 < one.timeout_s <= max(one.every_s, MIN_EVERY_S):
        yield OperatorError(f"{at}.timeout_s", one.timeout_s, "above 0, at most every_s", "lower it, or raise every_s")
    if one.latency_s is not None and not 0 < one.latency_s <= one.timeout_s:
        yield OperatorError(f"{at}.latency_s", one.latency_s, "above 0, at most timeout_s", "correct it")
    if not 0 < one.max_bytes <= MAX_BYTES:
        yield OperatorError(f"{at}.max_bytes", one.max_bytes, f"1 to {MAX_BYTES}", "correct it")
    if not 0 < one.weight <= 1:
        yield OperatorError(f"{at}.weight", one.weight, "above 0, at most 1", "1 counts as much as one venue")


def _header_mistakes(at: str, one: TargetSettings) -> Iterator[OperatorError]:
    seen: set[str] = set()
    for key, headers in (
        ("headers", one.headers),
        ("headers_env", one.headers_env),
        ("headers_file", one.headers_file),
    ):
        for name, value in headers.items():
            where, low = f"{at}.{key}.{name}", name.lower()
            if not _HEADER.fullmatch(name) or low in _HELD:
                yield OperatorError(where, name, "the name of a header that the protocol does not set", "take it out")
            if low in seen:
                yield OperatorError(where, name, "each header once", "take one out")
            seen.add(low)
            secretive = is_secretive(low) or any(word in low for word in _SECRET_HEADERS)
            if key == "headers" and secretive:
                yield OperatorError(
                    where,
                    "(not shown)",
                    "a header without a secret",
                    "name its variable in headers_env, or its file in headers_file",
                )
            elif key == "headers_env" and not _VARIABLE.fullmatch(value):  # it may be the secret itself
                yield OperatorError(
                    where, "(not shown)", "the name of an environment variable", "write its name, not its value"
                )
            elif not value or (key == "headers" and not _is_header_value(value)):
                yield OperatorError(where, kind_of(value), "one line of ASCII", "correct it")


def _condition_mistakes(at: str, one: BodyCondition) -> Iterator[OperatorError]:
    if wrong := path_mistake(one.path):
        yield OperatorError(f"{at}.path", one.path, wrong, "correct it")
    if one.equals is not None and not isinstance(one.equals, str | int | float):
        yield OperatorError(f"{at}.equals", kind_of(one.equals), "text, a number, true or false", "correct it")
    if one.least is not None and one.most is not None and one.least > one.most:
        yield OperatorError(f"{at}.least", one.least, f"at most {one.most:g}, which is `most`", "exchange them")
    if one.matches is not None and (wrong := pattern_mistake(one.matches)):
        yield OperatorError(f"{at}.matches", one.matches, wrong, "simplify it")
    asked = [name for name in ("equals", "least", "most", "matches") if getattr(one, name) is not None]
    if asked and not one.exists:
        yield OperatorError(f"{at}.{asked[0]}", getattr(one, asked[0]), "nothing beside exists = false", "take it out")


def _body_mistakes(at: str, body: object) -> Iterator[OperatorError]:
    if not isinstance(body, dict | list) or len(msgspec.json.encode(body)) > MAX_BODY:
        yield OperatorError(at, kind_of(body), f"a table or a list of at most {MAX_BODY} bytes as JSON", "correct it")


def _is_header_value(value: str) -> bool:
    return 0 < len(value) <= MAX_SECRET and value.isascii() and value.isprintable()


def targets_of(
    targets: Mapping[str, TargetSettings],
    env: Mapping[str, str],
    check_url: CheckUrl,
    *,
    also_disabled: bool = False,
) -> tuple[Target, ...]:
    """The enabled targets as they are asked, secrets read; all mistakes are told at once. Raises OperatorError."""
    mistakes = Mistakes()
    found = []
    for name in sorted(targets):
        if also_disabled or targets[name].enabled:
            with mistakes:
                found.append(_target(name, targets[name], env, check_url))
    mistakes.tell()
    return tuple(found)


def _target(name: str, one: TargetSettings, env: Mapping[str, str], check_url: CheckUrl) -> Target:
    at = f"targets.{name}"
    mistakes = Mistakes()
    headers = dict(one.headers)
    url = one.url
    with mistakes:
        if not url:
            url = _variable(f"{at}.url_env", one.url_env, env)
            check_url(f"{at}.url_env ({one.url_env})", url, SCHEMES)
    for header, variable in one.headers_env.items():
        with mistakes:
            headers[header] = secret_of_variable(f"{at}.headers_env.{header}", variable, env)
    for header, file in one.headers_file.items():
        with mistakes:
            headers[header] = secret_of_file(f"{at}.headers_file.{header}", file)
    if one.ca_file:
        with mistakes:
            _check_ca(f"{at}.ca_file", one.ca_file)
    mistakes.tell()
    return Target(
        name=name,
        url=url,
        headers=headers,
        body=None if one.body is None else msgspec.json.encode(one.body),
        statuses=one.statuses,
        conditions=one.conditions,
        latency_s=one.latency_s,
        every_s=one.every_s,
        timeout_s=one.timeout_s,
        max_bytes=one.max_bytes,
        ca_file=one.ca_file,
    )


def _variable(key: str, name: str, env: Mapping[str, str]) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise OperatorError(key, name, "the name of an environment variable that is set", f"export {name}")
    return value


def _text_of(key: str, file: str) -> str:
    try:
        with Path(file).expanduser().open(encoding="utf-8") as opened:
            return opened.read(MAX_SECRET + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise OperatorError(key, "(not shown)", "a readable file that holds the header's value", f"{why}") from None


def _held(key: str, where: str, value: str) -> str:
    if not _is_header_value(value):
        raise OperatorError(key, where, f"one line of ASCII, at most {MAX_SECRET} characters", "correct what it holds")
    return value


def secret_of_variable(key: str, name: str, env: Mapping[str, str]) -> str:
    """The value of a header that an environment variable holds. Raises OperatorError."""
    return _held(key, name, _variable(key, name, env))


def secret_of_file(key: str, file: str) -> str:
    """The value of a header that a file holds, less the space around it. Raises OperatorError."""
    return _held(key, "(not shown)", _text_of(key, file))


def _check_ca(key: str, path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one too
        raise OperatorError(key, path, "a file of certificates in PEM", f"{error.strerror or error}") from None
