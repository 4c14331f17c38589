"""Tests of the schemas: built from the dataclasses, valid for written values, and equal to the documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError

from monitor.cli.schemas import SCHEMAS, kinds_table, schema
from monitor.correlator import CorrelatorSettings
from monitor.correlator.explain import runbook
from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, Fault, IncidentState, Level
from monitor.recordings.signals import FORMAT, header_of
from monitor.signals import SignalKind, Subject
from monitor.signals.kinds import ANY_KIND
from tests.monitor.alerting.sinks.changes import START, change, signal, verdict

REPOSITORY = Path(__file__).parents[3]
FORMATS = REPOSITORY / "docs" / "formats.md"


def plain(value: object) -> Any:
    """The value as it is written in a file."""
    return msgspec.json.decode(msgspec.json.encode(value))


def validate(name: str, value: Any) -> None:
    """Raise ValidationError if the value does not match the schema."""
    form = schema(name)
    Draft202012Validator.check_schema(form)
    Draft202012Validator(form, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_valid_in_its_own_dialect(name: str) -> None:
    form = schema(name)
    assert form["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(form)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signal", lambda: signal(1)),
        (
            "signal",
            lambda: signal(2, {"a": None, "b": True, "c": 1, "d": 0.5, "e": "x"}, link="a:b", subject=Subject()),
        ),
        ("incident-change", change),
        ("incident-change", lambda: change(verdict=None, evidence=(), blind=(), parent_id="x", fault=Fault.LOCAL)),
        ("verdict", verdict),
        ("recording-header", lambda: header_of(CorrelatorSettings(), "local", "0.1.0", START)),
    ],
)
def test_written_values_match_their_schema(name: str, value: Callable[[], object]) -> None:
    validate(name, plain(value()))


@pytest.mark.parametrize("kind", list(ChangeKind))
@pytest.mark.parametrize("state", list(IncidentState))
def test_every_kind_and_state_is_allowed(kind: ChangeKind, state: IncidentState) -> None:
    validate("incident-change", plain(change(kind=kind, state=state)))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("signal", {**plain(signal(1)), "kind": "gossip"}),
        ("signal", {key: value for key, value in plain(signal(1)).items() if key != "event_time"}),
        ("incident-change", {**plain(change()), "level": 9}),
        ("verdict", {**plain(verdict()), "fault": "mine"}),
    ],
)
def test_a_wrong_value_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValidationError):
        validate(name, wrong)


def test_an_unknown_schema_name_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(OperatorError, match="did you mean 'signal'"):
        schema("signals")


def test_the_table_of_kinds_in_the_documents_matches_the_code() -> None:
    text = FORMATS.read_text(encoding="utf-8")
    shown = text.partition("<!-- kinds: begin -->\n")[2].partition("<!-- kinds: end -->")[0]
    assert shown == kinds_table()
    assert all(f"| `{kind}` |" in shown for kind in SignalKind)


def test_the_documents_name_what_a_signal_of_any_kind_may_carry() -> None:
    text = " ".join(FORMATS.read_text(encoding="utf-8").split())
    assert list(ANY_KIND) == ["ordered_at"]
    assert all(f"`{name}`. It is {meaning}" in text for name, meaning in ANY_KIND.items())


def test_the_documents_name_every_schema_and_the_recordings_format() -> None:
    text = FORMATS.read_text(encoding="utf-8")
    assert FORMAT in text
    assert all(f"`{name}`" in text for name in SCHEMAS)
    assert all(f"`{kind}`" in text for kind in ChangeKind)


def test_the_documents_name_every_key_of_a_change_and_a_signal() -> None:
    text = FORMATS.read_text(encoding="utf-8")
    for value in (plain(change()), plain(signal(1)), plain(verdict()), plain(verdict())["legs"][0]):
        assert [key for key in value if f"`{key}`" not in text] == []


def test_the_examples_of_the_documents_match_their_schemas() -> None:
    blocks = FORMATS.read_text(encoding="utf-8").split("```json\n")[1:]
    header, line = (msgspec.json.decode(block.partition("```")[0]) for block in blocks)
    validate("recording-header", header)
    validate("signal", line)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("fault", list(Fault))
def test_every_runbook_that_a_change_may_name_exists(level: Level, fault: Fault) -> None:
    assert (REPOSITORY / runbook(CorrelatorSettings().runbook_base, level, fault)).is_file()
