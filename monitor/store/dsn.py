"""Where the store's DSN comes from, and how it is shown: never with its password."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from monitor.errors import OperatorError
from monitor.store.settings import StoreSettings

ALLOWED = "a PostgreSQL DSN such as postgresql://user@host:5432/stormwatch"


def find(settings: StoreSettings, env: Mapping[str, str]) -> str | None:
    """The DSN, or None for the embedded server. Raises OperatorError for a variable not set or a DSN that is none."""
    dsn = settings.dsn
    if settings.dsn_env:
        dsn = env.get(settings.dsn_env, "")
        if not dsn:
            raise OperatorError(
                "store.dsn_env",
                settings.dsn_env,
                "the name of an environment variable that holds the DSN",
                "set that variable, or remove the key to use the embedded server",
            )
    if not dsn:
        return None
    try:
        parts = urlsplit(dsn)
        sound = parts.scheme in ("postgresql", "postgres") and bool(parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound:
        raise OperatorError("store.dsn", shown(dsn), ALLOWED, "correct it")
    return dsn


def shown(dsn: str) -> str:
    """The DSN without password and options: user, host, port and database, or that it is no URL."""
    try:
        parts = urlsplit(dsn)
        port = parts.port
    except ValueError:
        return "(not a DSN)"
    if parts.scheme not in ("postgresql", "postgres"):
        return "(not a DSN)"
    at = parts.netloc.rpartition("@")[2] or ",".join(parse_qs(parts.query).get("host", []))
    if parts.hostname and port is None and ":" in at and not at.startswith("["):
        at = parts.hostname  # host:password without a user, by mistake
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{at}{parts.path}"
