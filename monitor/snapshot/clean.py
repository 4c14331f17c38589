"""Makes text and values safe to give to anyone: hides secrets, defuses spreadsheet formulas, escapes Markdown.

The input comes from venues, chains and untrusted recordings as well as from the operator. In doubt it hides; chain addresses,
hashes and trace ids stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from monitor.signals.plain_text import one_line
from monitor.telemetry.redact import HIDDEN, redact

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # some programs read the full-width ones too
"""First characters that make a spreadsheet read a cell as a formula (OWASP: CSV injection)."""

_USER_IN_URL = re.compile(r"(?<=://)[^\s\"'<>]*@")
_QUERY = re.compile(r"(://[^\s\"'<>?]+\?)[^\s\"'<>]+")
_KNOWN_SHAPES = re.compile(
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"  # GitHub
    r"|\bxox[abeprs]-[A-Za-z0-9-]{8,}"  # Slack
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj)?[-_]?[A-Za-z0-9]{16,}"  # Stripe and its kin
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<![0-9a-zA-Z])[0-9a-fA-F]{64}(?![0-9a-zA-Z])",  # a private key or an HMAC; hashes carry 0x
    re.DOTALL,
)
_SECRET_KEY = re.compile(r"(?i)(?:secret|passw|passphrase|token|credential|cookie|private|(?:^|_)(?:api_?)?key$)")
_POINTS_TO_SECRET = re.compile(r"(?i)_(?:env|file)$")
_MARKUP = re.compile(r"([\\`|<>\[\]@]|(?<=[a-zA-Z]):(?=//)|(?<=www)\.)", re.IGNORECASE)
"""Markup, and what makes a link of bare text (GitHub Flavored Markdown, 6.9): "://", "www." and "@"."""


@lru_cache(maxsize=8192)  # sources, subjects and outcomes repeat by the hundred thousand
def clean(text: str) -> str:
    """The text with "[hidden]" in place of everything that looks like a secret."""
    text = _USER_IN_URL.sub(f"{HIDDEN}@", text)
    text = _QUERY.sub(rf"\g<1>{HIDDEN}", text)
    return _KNOWN_SHAPES.sub(HIDDEN, redact(text))


def clean_value(value: Any) -> Any:
    """Plain values with every text cleaned, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): clean_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean_value(one) for one in value]
    return value


def clean_settings(value: Any) -> Any:
    """Like `clean_value`; also hides the value of a key that sounds secret, unless the key names a variable or a file."""
    if isinstance(value, Mapping):
        return {clean(str(key)): _setting(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean_settings(one) for one in value]
    return clean_value(value)


def _setting(key: str, value: Any) -> Any:
    secret = _SECRET_KEY.search(key) and not _POINTS_TO_SECRET.search(key)
    if secret and isinstance(value, str) and value:
        return HIDDEN
    return clean_settings(value)


def cell(text: str) -> str:
    """The text as a spreadsheet may show it: on one line, without control characters, never a formula."""
    text = one_line(text)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def prose(text: str) -> str:
    """The text on one line for Markdown: cleaned, no markup, no links, no control characters."""
    flat = " ".join(one_line(clean(text)).split())
    return _MARKUP.sub(r"\\\1", flat)
