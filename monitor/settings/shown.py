"""Shows settings where others may read them: URLs only up to their host, text under an unknown key not at all.

User names, paths and queries of URLs may contain keys, and a mistyped `secret_env` may have the secret itself as its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

_SECRETIVE = ("url", "dsn", "secret", "token", "passw", "key", "header")
_KINDS: Mapping[type[object], str] = {str: "(text, not shown)", dict: "(a table)", list: "(a list)"}


def origin(url: str) -> str:
    """A URL without user name, path and query; "https://node.example:8545/…" if something was left out."""
    try:
        parts = urlsplit(url)
        number = parts.port
    except ValueError:
        return "(not a URL)"
    if not parts.scheme or not parts.hostname:
        return "(not a URL)"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{number}" if number else ""
    more = "/…" if parts.path.strip("/") or parts.query or parts.username else ""
    return f"{parts.scheme}://{host}{port}{more}"


def kind_of(value: object) -> object:
    """A number as it is; of any other value only its type."""
    return _KINDS.get(type(value), value)


def shown(value: object) -> object:
    """A value as an error may show it. In tables, text under a key that may be secret is cut to the host of its URL."""
    if isinstance(value, Mapping):
        return {name: _named(str(name), one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [shown(one) for one in value]
    return origin(value) if isinstance(value, str) and "://" in value else value


def _named(name: str, value: object) -> object:
    return origin(value) if isinstance(value, str) and is_secretive(name) else shown(value)


def is_secretive(name: str) -> bool:
    """Whether a key with this name may hold a secret or a URL with one; keys of environment variables do not."""
    return not name.endswith("_env") and any(word in name.lower() for word in _SECRETIVE)
