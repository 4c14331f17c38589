"""Hides secrets in text before it leaves the process: user names in URLs, keys in their paths and queries, tokens, headers.

In doubt it hides: a hidden harmless word costs little, a key in a log can cost the account. Chain addresses and hashes
(0x…) stay readable. Patterns start only at the start of a word and are possessive, so that the time is linear in the
length of untrusted text.
"""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

_URL = re.compile(r"(?<![a-zA-Z0-9+.\-])(?P<scheme>[a-zA-Z0-9+.\-]++)://(?P<rest>[^\s\"'<>)\]}]+)")
_LIKE_A_KEY = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_\-]{16,}|[A-Za-z0-9_\-]{28,}|bot\d+:[\w\-]+")
_CHAIN_NAME = re.compile(r"0x[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?")
_HOOK = re.compile(r"(?:^|/)(?:services|webhooks?|hooks?)/(?=.)")
_TELEGRAM = re.compile(r"(?<![A-Za-z0-9])(?:bot)?\d{6,}+:[A-Za-z0-9_\-]{30,}")
_AUTHORIZATION = re.compile(
    r"(?i)(?P<name>(?:proxy-)?authorization)(?P<gap>[\"']?\s*+[:=]\s*+[\"']?)"
    r"(?:(?:bearer|basic|digest|token|negotiate|key)\s+)?[^\s\"',;}]+"
)
_BEARER = re.compile(r"(?i)\b(?P<name>bearer|basic)(?P<gap>\s++)[A-Za-z0-9._~+/=\-]{8,}")
_WORDS = (
    r"api[_\-]?key|routing[_\-]?key|private[_\-]?key|access[_\-]?key|token|secret|signature|passw(?:or)?d|passphrase"
    r"|credential|cookie"
)
_NAMED = re.compile(
    rf"(?i)(?<![\w\-])(?=[\w\-]*?(?:{_WORDS}))(?P<name>[\w\-]++)(?P<gap>[\"']?\s*+[:=]\s*+)"
    r"(?:\[hidden\]|\"[^\"]*\"|'[^']*'|(?:bearer\s+|basic\s+)?[^\s\"',;&}\])]+)"
)
_SHORT = re.compile(
    r"(?i)\b(?P<name>key|sig|auth|pwd)(?P<gap>[\"']?\s*+=\s*+|[\"']\s*+:\s*+)"
    r"(?:\[hidden\]|\"[^\"]*\"|'[^']*'|[^\s\"',;&}\])]+)"
)


def redact(text: str) -> str:
    """The text with secrets replaced by "[hidden]"; idempotent."""
    if not text:
        return text
    text = _AUTHORIZATION.sub(_name_only, text)
    text = _URL.sub(_url, text)
    text = _TELEGRAM.sub(HIDDEN, text)
    text = _BEARER.sub(_name_only, text)
    text = _NAMED.sub(_name_only, text)
    return _SHORT.sub(_name_only, text)


def _name_only(found: re.Match[str]) -> str:
    return f"{found['name']}{found['gap']}{HIDDEN}"


def _url(found: re.Match[str]) -> str:
    """A URL may hold another one, in its query or after a slip of the pen: each part has its own user and path."""
    return f"{found['scheme']}://" + "://".join(map(_rest, found["rest"].split("://")))


def _rest(rest: str) -> str:
    head, mark, query = rest.partition("?")
    authority, slash, path = head.partition("/")
    if "@" in authority:
        authority = f"{HIDDEN}@{authority.rpartition('@')[2]}"
    hook = _HOOK.search(path)
    shown = "/".join(map(_segment, path.split("/"))) if hook is None else path[: hook.end()] + HIDDEN
    return f"{authority}{slash}{shown}{mark}{query}"


def _segment(segment: str) -> str:
    core = segment.rstrip(".,;:!")
    if _CHAIN_NAME.fullmatch(core) or not _LIKE_A_KEY.fullmatch(core):
        return segment
    return HIDDEN + segment[len(core) :]
