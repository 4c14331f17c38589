"""The JSON Schema of the settings accepts what the reader reads and refuses what it refuses."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.settings_schema import settings_schema
from monitor.errors import OperatorError
from monitor.settings.reader import read
from monitor.settings.template import FULL, MINIMAL
from monitor.settings.tree import Settings

SCHEMA = settings_schema()
_COMMENTED = re.compile(r"^# (\[{1,2}[\w.]+\]{1,2}|\w+ = .*| +[\{\]].*|\].*)$")


def plain(value: Any) -> Any:
    """TOML's values as JSON has them."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value


def tree(text: str) -> Any:
    return plain(tomllib.loads(text))


def accepts(text: str) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid(tree(text)))


def test_the_schema_is_one_and_is_printed() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    printed = json.loads(CliRunner().invoke(app, ["config", "schema"]).stdout)
    assert (
        printed == json.loads(CliRunner().invoke(app, ["schema", "settings"]).stdout) == json.loads(json.dumps(SCHEMA))
    )


def test_it_accepts_the_files_of_config_init_with_every_line_taken_into_use() -> None:
    whole = "\n".join(re.sub(_COMMENTED, r"\1", line) for line in FULL.splitlines())
    for text in (FULL, MINIMAL, whole, ""):
        Draft202012Validator(SCHEMA).validate(tree(text))


@pytest.mark.parametrize(
    "text",
    [
        "colour = 1",
        "vantage = 3",
        "log_level = 'loud'",
        "drill = 'yes'",
        "[store]\nfoldr = 'x'",
        "[store]\nretention_days = 1.5",
        "[controls]\nevery_s = '5 parsecs'",
        "[controls]\nevery_s = -1",
        "[controls.targets]\na = 3",
        "[venues.okx]\nevery_s = { book_rest = 'often' }",
        "[networks.local]",
        "[networks.local]\nnodes = 'x'",
        "[networks.local]\nnodes = ['x']",
        "[networks.local]\nnodes = []\ncalls_per_s = '1m'",
        "[assets.BTC]\ncontracts = [{ network = 'local' }]",
        "[[maintenance]]\nstart = 2026-01-01T00:00:00\nend = 2026-01-02T00:00:00Z\nreason = 'x'",
        "[[maintenance]]\nstart = 2026-01-01T00:00:00Z\nend = 2026-01-02T00:00:00Z",
    ],
)
def test_it_refuses_what_the_reader_refuses(text: str) -> None:
    assert not accepts(text)
    with pytest.raises(OperatorError):
        read(Settings, tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("[sinks.console]\ncolour = false", True),
        ("[sinks.console]\nurl = 'x'", False),
        ("[sinks.pigeon]", False),
        ("[sinks.desk]\ntype = 'webhook'\nurl = 'https://x'", True),
        ("[sinks.desk]\ntype = 'webhook'\nchat_id = 'x'", False),
        ("[sinks.webhook]\ntype = 'slack'\nurl_env = 'X'\nmin_level = 'squall'", True),
        ("[sinks.webhook]\nlegs = 'venue'", False),
    ],
)
def test_it_knows_the_keys_of_each_kind_of_sink(text: str, good: bool) -> None:
    assert accepts(text) is good


def test_an_editor_shows_the_default_of_a_key_and_why_one_would_change_it() -> None:
    shown = SCHEMA["properties"]["store"]["properties"]["retention_days"]
    assert shown["default"] == 30
    assert "days for which signals are kept" in shown["description"]
