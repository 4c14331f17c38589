"""How a setting is shown where others may read it: URLs only to their host, text under a mistyped key not at all.

Keys hide in user names, paths and queries of URLs, and whoever mistypes `secret_env` has written the secret itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

_SECRETIVE = ("url", "dsn", "secret", "token", "passw", "key", "header")
_KINDS: Mapping[type[object], str] = {str: "(text, not shown)", dict: "(a table)", list: "(a list)"}


def origin(url: str) -> str:
    """A URL without user name, path and query: "https://node.example:8545/…" where something was left out."""
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
    """A number as it is; of anything else only what it is."""
    return _KINDS.get(type(value), value)


def shown(value: object) -> object:
    """A value as an error may show it. In tables, what stands under a key that sounds like a secret is a URL or hidden."""
    if isinstance(value, Mapping):
        return {name: _named(str(name), one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [shown(one) for one in value]
    return origin(value) if isinstance(value, str) and "://" in value else value


def _named(name: str, value: object) -> object:
    return origin(value) if isinstance(value, str) and is_secretive(name) else shown(value)


def is_secretive(name: str) -> bool:
    """Whether a key of this name may hold a secret or a URL with one; names of environment variables do not."""
    return not name.endswith("_env") and any(word in name.lower() for word in _SECRETIVE)
