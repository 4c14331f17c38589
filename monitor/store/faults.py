"""Names what can go wrong with the database: away, silent, refusing, or a row that it will never accept.

Only a refusal needs a person; its remedy is part of the reason. Everything else is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import asyncpg

from monitor.errors import OperatorError

_REMEDY = "correct it, or remove store.dsn and store.dsn_env to use the embedded server"


class StoreAway(Exception):
    """The server cannot be reached or cannot write now; the same may be tried again."""


class Refusing(Exception):
    """The server is there and does not let us in, or its schema is not ours: only the operator can mend it."""


class State(StrEnum):
    """How the reader of the log stands to its database."""

    CONNECTED = "connected"
    CATCHING_UP = "catching up"
    """Connected, with more than a batch still to write."""
    AWAY = "away"
    """It cannot be reached, or cannot write now."""
    SILENT = "silent"
    """It accepts connections or statements and does not answer."""
    REFUSING = "refusing"
    """Only the operator can mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far the database is behind the log. Counts are since the start of this process."""

    entries: int
    """Entries of the log that are not known to be in the database."""
    rows: int | None
    """Rows of those entries; None: unknown."""
    behind_s: float | None
    """Age of the oldest of them in seconds, 0 if there is none; None: unknown."""
    state: State
    why: str
    """The reason in one line, with the remedy if there is one; empty if all is well."""
    written: int
    """Rows written."""
    refused: int
    """Rows that the server will never accept: set aside, or lost if the folder was full."""
    missed: int
    """Entries that the log no longer held when the database asked for them."""


TROUBLE = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    StoreAway,
    Refusing,
)
"""The world's failures: the reader names them and tries again."""

BAD_ROW = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    TypeError,
    OverflowError,
)
"""What server and driver raise for a row that does not fit its columns."""

_PERSONAL = (
    asyncpg.InvalidAuthorizationSpecificationError,  # a wrong password is one
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.exceptions.ClientConfigurationError,
    OperatorError,
)


def state_of(error: Exception) -> State:
    """What an error of the connection says about the server."""
    if isinstance(error, TimeoutError):
        return State.SILENT
    return State.REFUSING if isinstance(error, (Refusing, *_PERSONAL)) else State.AWAY


def reason(error: Exception, shown: str, timeout_s: float) -> str:
    """An error in one line, with the remedy where a person is needed."""
    if isinstance(error, (OperatorError, Refusing, StoreAway)):
        return str(error)
    if isinstance(error, TimeoutError):
        return str(error) or f"{shown} does not answer"
    if state_of(error) is State.REFUSING:
        return str(operators(error, shown, timeout_s))
    text = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or "no reason given"
    return f"{type(error).__name__}: {' '.join(text.split())}"


def operators(error: Exception, shown: str, timeout_s: float) -> OperatorError:
    """An error as the operator's mistake: for a command that cannot go on without the database."""
    if isinstance(error, OperatorError):
        return error
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return OperatorError("store.dsn", shown, "a DSN the server accepts", f"user or password: {_REMEDY}")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return OperatorError("store.dsn", shown, "a database that exists", "create it, or " + _REMEDY)
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return OperatorError("store.dsn", shown, "a user who owns the database's tables", f"grant that ({error})")
    if isinstance(error, TimeoutError):
        remedy = f"no answer in {timeout_s:g} s: start it, {_REMEDY}"
        return OperatorError("store.dsn", shown, "a server that can be reached", remedy)
    known = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return OperatorError("store.dsn", shown, "a server that can be reached", f"{known}: start it, {_REMEDY}")
