"""What an error of the database means: away, silent, or something that only the operator can mend."""

from __future__ import annotations

import asyncpg
import pytest

from monitor.errors import OperatorError
from monitor.store.faults import TROUBLE, Refusing, State, StoreAway, operators, reason, state_of

AWAY = [
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
    asyncpg.CannotConnectNowError("the database system is in recovery mode"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.SerializationError("could not serialize access"),
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
]
REFUSING = [
    (asyncpg.InvalidPasswordError("no"), "user or password"),
    (asyncpg.InvalidAuthorizationSpecificationError("no"), "user or password"),
    (asyncpg.InvalidCatalogNameError("no"), "create it"),
    (asyncpg.InsufficientPrivilegeError("permission denied for schema public"), "grant that (permission denied"),
    (asyncpg.exceptions.ClientConfigurationError("sslmode"), "correct it"),
]


@pytest.mark.parametrize("error", AWAY, ids=lambda one: type(one).__name__)
def test_a_server_that_cannot_write_now_is_away_with_its_own_reason(error: Exception) -> None:
    assert isinstance(error, TROUBLE)
    assert state_of(error) is State.AWAY
    assert reason(error, "the server", 5.0) == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize(("error", "remedy"), REFUSING, ids=lambda one: type(one).__name__)
def test_what_only_the_operator_can_mend_is_refusing_with_the_remedy(error: Exception, remedy: str) -> None:
    assert isinstance(error, TROUBLE)
    assert state_of(error) is State.REFUSING
    said = reason(error, "postgresql://desk@db/storm", 5.0)
    assert remedy in said
    assert "postgresql://desk@db/storm" in said


def test_a_time_out_is_silence() -> None:
    assert state_of(TimeoutError()) is State.SILENT
    assert reason(TimeoutError(), "postgresql://db/storm", 5.0) == "postgresql://db/storm does not answer"
    assert reason(TimeoutError("no answer to a statement"), "x", 5.0) == "no answer to a statement"


def test_a_socket_that_is_not_there_is_away_with_the_systems_reason() -> None:
    error = ConnectionRefusedError(111, "Connection refused")
    assert state_of(error) is State.AWAY
    assert reason(error, "x", 5.0) == "ConnectionRefusedError: Connection refused"
    assert reason(ConnectionError(), "x", 5.0) == "ConnectionError: no reason given"


def test_a_reason_in_our_own_words_is_not_changed() -> None:
    assert reason(StoreAway("the place moved"), "x", 5.0) == "the place moved"
    assert reason(Refusing("upgrade it"), "x", 5.0) == "upgrade it"
    mistake = OperatorError("store.folder", "/x", "a folder", "choose another")
    assert reason(mistake, "x", 5.0) == str(mistake)
    assert operators(mistake, "x", 5.0) is mistake
