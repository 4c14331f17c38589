"""The file that `config init` writes has every key of the settings, with its default and why; no list here names them."""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from monitor.alerting import sinks
from monitor.alerting.sinks import made
from monitor.settings import Settings, load_settings
from monitor.settings.reader import length_s
from monitor.settings.template import FULL, MINIMAL

_HEAD = re.compile(r"^(?:# )?\[{1,2}([\w.]+)\]{1,2}")
_KEY = re.compile(r"^(?:# )?(\w+) = (.*?)(?: +# (.*))?$")
_COMMENTED = re.compile(r"^# (\[{1,2}[\w.]+\]{1,2}|\w+ = .*| +[\{\]].*|\].*)$")


def sections() -> dict[str, str]:
    """The text of each table, by its first name and its second: "networks.ethereal" is "networks"."""
    found: dict[str, str] = {"": ""}
    now = ""
    for line in FULL.splitlines():
        head = _HEAD.match(line)
        if head is not None and not _KEY.match(line):
            first, _, name = head[1].partition(".")
            now = f"sinks.{KIND_OF.get(name, name)}" if first == "sinks" else first
        found[now] = found.get(now, "") + line + "\n"
    return found


KIND_OF = {"desk": "webhook", "alertmanager_2": "alertmanager", "mattermost": "slack"}
SECTIONS = sections()


def inner(hint: Any) -> Any:
    """The dataclass in a list, a table or an optional value; else the type itself."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return inner(next(arm for arm in get_args(hint) if arm is not type(None)))
    if origin is tuple:
        return inner(get_args(hint)[0])
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return inner(get_args(hint)[1])
    return hint


def keys(form: Any, table: str) -> Iterator[tuple[str, Field[Any]]]:
    """Every key under a form, with the table of the file that it belongs to."""
    hints = get_type_hints(form)
    for one in fields(form):
        part = inner(hints[one.name])
        if is_dataclass(part):
            yield from keys(part, table or one.name)
        if table or not is_dataclass(part):
            yield table, one


def all_keys() -> list[tuple[str, Field[Any]]]:
    found = [one for one in keys(Settings, "") if one[1].name != "sinks"]
    for name in sinks.names():
        found += [(f"sinks.{name}", one) for one in fields(sinks.declared(name).settings)]
    return [*found, *(("sinks.webhook", one) for one in fields(sinks.COMMON))]


KEYS = {f"{table}.{one.name}".strip("."): (table, one) for table, one in all_keys()}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_in_its_table_of_the_file_and_says_why(key: str) -> None:
    table, one = KEYS[key]
    assert re.search(rf"(?:^(?:# )?|[{{,] ){one.name} = ", SECTIONS[table], re.MULTILINE), f"[{table}] lacks {one.name}"


def lines() -> Iterator[tuple[str, str, str, str]]:
    """Of each key on a line of its own: its table, its name, the value as it is written, and what is said of it."""
    for table, text in SECTIONS.items():
        for line in text.splitlines():
            if (found := _KEY.match(line)) is not None:
                yield table, found[1], found[2], found[3] or ""


def test_every_commented_key_says_what_it_is_for() -> None:
    silent = [
        f"{table}.{key}" for table, key, value, why in lines() if not why and value != "[" and f"# {key} = " in FULL
    ]
    assert set(silent) <= {
        "sinks.webhook.type",
        "sinks.alertmanager.type",
        "sinks.slack.type",
        "sinks.webhook.secret_env",
    }


def test_a_shown_value_is_the_default_unless_its_comment_gives_that() -> None:
    wrong = []
    for table, key, text, why in lines():
        form = KEYS.get(f"{table}.{key}".strip(".")) or KEYS.get(f"sinks.webhook.{key}")
        if form is None or "default:" in why or text == "[" or form[1].default is MISSING:
            continue
        value = tomllib.loads(f"value = {text}")["value"]
        default = form[1].default.value if isinstance(form[1].default, Enum) else form[1].default
        if key.endswith("_s") and not key.startswith("calls_per"):
            value = length_s(key, value)
        if value != (list(default) if isinstance(default, tuple) else default) and why:
            wrong.append(f"{table}.{key} = {text}, not {default!r}")
    assert wrong == []


def test_a_length_of_time_is_shown_with_its_unit() -> None:
    bare = [key for _, key, text, _ in lines() if key.endswith("_s") and text[0].isdigit() and "per_s" not in key]
    assert bare == []


def test_with_every_line_taken_into_use_the_settings_are_still_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hot-wallets.csv").write_text("venue,asset,address,token,least\n")
    text = "\n".join(re.sub(_COMMENTED, r"\1", line) for line in FULL.splitlines())
    path = tmp_path / "stormwatch.toml"
    path.write_text(text.replace("0x…", "0x" + "a1" * 20).replace('successor = "0xa', 'successor = "0xb'))
    settings = load_settings(path, {})
    env = dict.fromkeys(re.findall(r'_env = "(\w+)"', text), "x" * 32) | {
        "STORMWATCH_WEBHOOK_URL": "http://127.0.0.1:1/", "ALERTMANAGER_URL": "http://127.0.0.1:1/",
        "SLACK_WEBHOOK_URL": "http://127.0.0.1:1/", "TELEGRAM_BOT_TOKEN": "123456:" + "x" * 35,
    }  # fmt: skip
    assert len(made(settings.sinks, env)) == len(settings.sinks) == 9
    assert "ethereum" in settings.networks
    assert settings.maintenance[0].venues == ("bybit",)


def test_the_minimal_file_is_short_and_watches_what_the_full_one_does(tmp_path: Path) -> None:
    path = tmp_path / "stormwatch.toml"
    both = []
    for text in (MINIMAL, FULL):
        path.write_text(text)
        both.append(load_settings(path, {}))
    assert both[0] == both[1]
    assert len(MINIMAL.splitlines()) < 25 < len(FULL.splitlines())
