"""Which sinks exist, and how an operator's tables become routes."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerting import sinks
from monitor.alerting.sink import note_of
from monitor.alerting.sinks import made
from monitor.errors import OperatorError
from monitor.incidents import Fault, Level
from tests.monitor.alerting.sinks.changes import change

ENV = {"DESK_SECRET": "swordfish", "DESK_URL": "https://desk.example/hook/abc"}
HOOK: dict[str, Any] = {"type": "webhook", "url_env": "DESK_URL", "secret_env": "DESK_SECRET"}


def mistake(tables: dict[str, dict[str, Any]], env: dict[str, str] | None = None) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        made(tables, ENV if env is None else env)
    return caught.value


def test_every_module_of_the_folder_is_a_sink() -> None:
    assert {"console", "webhook", "alertmanager", "pagerduty", "slack", "telegram"} <= set(sinks.names())
    for name in sinks.names():
        assert sinks.declared(name).settings.__dataclass_params__.frozen
    with pytest.raises(KeyError):
        sinks.declared("pigeon")


def test_tables_become_routes_in_order_of_name() -> None:
    routes = made(
        {"desk": {**HOOK, "min_level": "storm-suspected", "pages_only": True, "repeat_s": "5m"}, "console": {}}, ENV
    )

    assert [route.name for route in routes] == ["console", "desk"]
    assert routes[0].rule.min_level is Level.WATCH
    assert routes[1].rule.min_level is Level.STORM_SUSPECTED
    assert (routes[1].rule.pages_only, routes[1].rule.repeat_s) == (True, 300.0)


def test_two_sinks_of_one_type_can_exist_and_one_can_be_disabled() -> None:
    assert len(made({"a": HOOK, "b": HOOK}, ENV)) == 2
    assert made({"a": {**HOOK, "enabled": False}}, {}) == []


def test_an_unknown_sink_is_reported_with_the_nearest_name() -> None:
    assert str(mistake({"webhok": {}})).endswith("did you mean 'webhook'?")
    wrong = mistake({"desk": {"type": "consol"}})
    assert wrong.key == "sinks.desk.type"
    assert "'console'" in wrong.remedy


def test_an_unknown_key_is_reported_with_the_nearest_name_and_without_its_value() -> None:
    wrong = mistake({"desk": {**HOOK, "secret": "swordfish"}})

    assert wrong.key == "sinks.desk.secret"
    assert "'secret_env'" in wrong.remedy
    assert "swordfish" not in str(wrong)


def test_an_unknown_level_is_reported_with_the_nearest_name() -> None:
    wrong = mistake({"console": {"min_level": "storm"}})
    assert wrong.key == "sinks.console.min_level"
    assert "'perfect-storm'" in wrong.remedy or "'storm-suspected'" in wrong.remedy


def test_a_wrong_value_names_its_key() -> None:
    assert mistake({"console": {"stream": "printer"}}).key == "sinks.console.stream"
    assert mistake({"console": {"pages_only": "yes"}}).key == "sinks.console.pages_only"


def test_a_secret_missing_from_the_environment_names_its_key_and_variable() -> None:
    wrong = mistake({"webhook": {"url": "https://desk.example/x", "secret_env": "NOT_SET"}})

    assert (wrong.key, wrong.value) == ("sinks.webhook.secret_env", "NOT_SET")
    assert "export NOT_SET" in wrong.remedy


def test_a_webhook_without_a_secret_is_refused() -> None:
    assert mistake({"webhook": {"url": "https://desk.example/x"}}).key == "sinks.webhook.secret_env"


@pytest.mark.parametrize("table", [{}, {"url": "https://a.example", "url_env": "DESK_URL"}])
def test_a_webhook_has_exactly_one_url(table: dict[str, str]) -> None:
    assert mistake({"webhook": {"secret_env": "DESK_SECRET", **table}}).key == "sinks.webhook.url"


@pytest.mark.parametrize("url", ["desk.example", "ftp://desk.example/", "https:///hook/hush", "http://[::1"])
def test_an_invalid_url_is_refused_without_being_shown(url: str) -> None:
    wrong = mistake({"webhook": {"url_env": "BAD", "secret_env": "DESK_SECRET"}}, {**ENV, "BAD": url})

    assert (wrong.key, wrong.value) == ("sinks.webhook.url_env", "BAD")
    assert url not in str(wrong)


def test_a_timeout_of_zero_is_refused() -> None:
    assert mistake({"webhook": {**HOOK, "timeout_s": 0}}).key == "sinks.webhook.timeout_s"


def test_a_note_states_the_facts_that_the_runbook_needs() -> None:
    note = note_of(change(), Level.WATCH)

    assert note.title == "PERFECT STORM PAGE asset:BTC opened"
    lines = note.text.splitlines()
    assert lines[0] == change().headline
    assert "legs: liquidation unknown, venue true, migration true (unknown is not calm: liquidation)" in lines
    assert "confidence: storm 62%, calm 3%" in lines
    assert "fault: market" in lines
    assert "against: fragility seen calm with coverage 80%" in lines
    assert lines[-2:] == ["runbook: ops/runbooks/perfect-storm.md", f"replay: {change().replay_id}"]


def test_a_note_without_a_verdict_lists_no_legs() -> None:
    text = note_of(change(verdict=None, fault=Fault.NONE, counter_evidence=()), Level.WATCH).text

    assert len(text.splitlines()) == 5
