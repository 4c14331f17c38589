"""The bounds that an operator sets: their defaults and their least values."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.store.settings import StoreSettings

POSITIVE = ("batch_rows", "retention_days", "connect_timeout_s", "statement_timeout_s")


def test_the_defaults_are_the_documented_ones() -> None:
    settings = StoreSettings()

    assert (settings.dsn, settings.dsn_env, settings.folder) == ("", "", "~/.local/share/stormwatch")
    assert (settings.batch_rows, settings.retention_days) == (5000, 30)
    assert (settings.connect_timeout_s, settings.statement_timeout_s) == (5.0, 30.0)


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1])
def test_a_bound_is_above_zero(name: str, value: int) -> None:
    bounds: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"^{name} above 0$"):
        StoreSettings(**bounds)


@pytest.mark.parametrize("name", POSITIVE)
def test_a_bound_may_be_one(name: str) -> None:
    bounds: dict[str, Any] = {name: 1}

    assert getattr(StoreSettings(**bounds), name) == 1


def test_a_dsn_is_given_or_named_and_not_both() -> None:
    assert StoreSettings(dsn="postgresql://h/d").dsn == "postgresql://h/d"
    assert StoreSettings(dsn_env="DESK_DSN").dsn_env == "DESK_DSN"
    with pytest.raises(ValueError, match="either dsn or dsn_env, not both"):
        StoreSettings(dsn="postgresql://h/d", dsn_env="DESK_DSN")
