"""What an operator reads about a mistake in a sink's table: the key, what was given, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerting.sinks import from_env, made
from monitor.errors import OperatorError

ENV = {"DESK_SECRET": "swordfish", "DESK_URL": "https://desk.example/hook"}


def mistake(name: str, table: dict[str, Any]) -> OperatorError:
    """The error of one table."""
    with pytest.raises(OperatorError) as caught:
        made({name: table}, ENV)
    return caught.value


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("desk", "set type to one of them"),
        ("webhok", "set type to one of them; did you mean 'webhook'?"),
    ],
)
def test_a_table_without_a_type_is_told_to_set_one(name: str, remedy: str) -> None:
    wrong = mistake(name, {})

    assert (wrong.key, wrong.value, wrong.remedy) == (f"sinks.{name}", name, remedy)


def test_a_type_that_does_not_exist_is_an_error_of_that_key() -> None:
    wrong = mistake("desk", {"type": "webhok"})

    assert (wrong.key, wrong.value, wrong.remedy) == ("sinks.desk.type", "webhok", "did you mean 'webhook'?")


@pytest.mark.parametrize(
    ("urls", "given"), [({}, "neither"), ({"url": "https://desk.example", "url_env": "DESK_URL"}, "both")]
)
def test_a_webhook_says_whether_both_urls_or_neither_were_given(urls: dict[str, str], given: str) -> None:
    wrong = mistake("desk", {"type": "webhook", "secret_env": "DESK_SECRET", **urls})

    assert (wrong.key, wrong.value) == ("sinks.desk.url", given)


@pytest.mark.parametrize(("value", "kind"), [("swordfish", "(str)"), (7, "(int)")])
def test_the_value_of_an_unknown_key_is_shown_by_its_kind_only(value: object, kind: str) -> None:
    wrong = mistake("console", {"token": value})

    assert (wrong.key, wrong.value) == ("sinks.console.token", kind)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("", "export it or take the key out"), ("NOT_SET", "export NOT_SET or take the key out")],
)
def test_a_variable_without_a_name_or_a_value_is_an_error(name: str, remedy: str) -> None:
    with pytest.raises(OperatorError) as caught:
        from_env("sinks.desk.secret_env", name, {"": "x"})
    assert (caught.value.key, caught.value.value, caught.value.remedy) == ("sinks.desk.secret_env", name, remedy)


def test_a_variable_that_is_set_gives_its_value() -> None:
    assert from_env("sinks.desk.secret_env", "DESK_SECRET", ENV) == "swordfish"


def test_a_sink_is_on_unless_its_table_turns_it_off() -> None:
    assert [
        route.name for route in made({"a": {"type": "console"}, "b": {"type": "console", "enabled": False}}, {})
    ] == ["a"]


def test_a_webhook_without_a_secret_says_why_it_needs_one() -> None:
    wrong = mistake("desk", {"type": "webhook", "url_env": "DESK_URL"})

    assert wrong.key == "sinks.desk.secret_env"
    assert wrong.remedy == "name one; bodies are always signed, so that a receiver can detect forged ones"
