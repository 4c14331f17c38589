"""A fifteenth venue, from `stormwatch venue new` to its readings, in a copy of the repository in which no other file is edited.

The skeleton is filled in for a small made-up venue; matrix, probe, loop tests, contracts and rooms take it up.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.probes.loopback import say_now, serving
from tests.pure_rooms import ROOT

NAME = "fifteenth"
FILE = Path("probes/venues", f"{NAME}.py")
CASES = Path("tests/probes/venues", NAME)
MAIN = "from monitor.cli import main; main()"
FILLED = (
    ("FILL_IN which products, with the address of its documentation.", "perpetuals of a made-up venue (docs.example)."),
    ("FILL_IN what is special about its messages.", "Sizes are contracts; its books are whole."),
    ("FILL_IN the venue's message that subscribes to a topic.", "One message for each topic, with an id."),
    ("  # FILL_IN the documented limit", ""),
    ("limit=1, window_s=1", "limit=100, window_s=10"),
    ("https://FILL_IN.example", "https://api.example"),
    ("wss://FILL_IN.example", "wss://ws.example"),
    ("/FILL_IN/", "/v1/"),
    ('frozenset({"FILL_IN"})', 'frozenset({"live"})'),
    ('{"FILL_IN_not"}', '{"halted"}'),
    ('{"FILL_IN": Refusal.THROTTLED}', '{"429": Refusal.THROTTLED}'),
    ('"FILL_IN_', '"'),
    (
        "none={},",
        'none={"perpetuals alone": ("book_ws_spot", "volume_spot"), "it keeps no wallets": ("wallet_status",)},',
    ),
    (
        "not_yet={},",
        'not_yet={"its page is not read yet": ("system_status", "book_ws", "volume", *OTHERS)},',
    ),
    (
        "\nVENUE = ",
        '\nOTHERS = ("open_interest", "funding", "mark_price", "long_short_ratio", "insurance_fund", "deleveraging")\nVENUE = ',
    ),
)
"""What is written over each FILL_IN: the names of the venue's fields are those that the skeleton proposes."""
AT, MS = "2026-11-01T00:00:00Z", 1793491200000
SEEN = {"venue": NAME, "received_at": "2026-11-01T00:00:01Z"}
INSTRUMENT = {
    "symbol": "BTC-USD", "base": "BTC", "quote": "USD", "market": "perp", "contract_size": "0.001", "inverse": False,
    "trading": True,
}  # fmt: skip
LISTED = {"symbol": "BTC-USD", "base": "BTC", "quote": "USD", "size": "0.001", "state": "live"}
ORDER = {"symbol": "BTC-USD", "price": "60000", "size": "5", "side": "sell", "time": MS}
BOOK = {"time": MS, "sequence": 7, "bids": [["99", "2"]], "asks": [["101", "3"]]}
MESSAGES: dict[str, dict[str, tuple[Any, Any]]] = {
    "server_time": {
        "documented": ({"time": MS}, [{"is": "ServerTime", **SEEN, "event_time": AT, "resolution_s": 0.001}]),
        "damaged": ({"time": -1}, {"malformed": "$.time: -0.001 is no time"}),
    },
    "instruments": {
        "documented": ({"rows": [LISTED]}, [{"is": "InstrumentsListed", **SEEN, "instruments": [INSTRUMENT]}]),
        "damaged": ({"rows": [{**LISTED, "state": "odd"}]}, {"malformed": "$.state: 'odd' is not allowed"}),
    },
    "book_rest": {
        "documented": (
            BOOK,
            [
                {
                    "is": "BookSnapshot", "instrument": "BTC-USD", "last_id": 7, "event_time": AT, "engine_time": None,
                    "bids": [[99.0, 0.002]], "asks": [[101.0, 0.003]],
                }
            ],
        ),
        "damaged": ({**BOOK, "bids": [["many", "2"]]}, {"malformed": "Expected `float`, got `str` - at `$.bids[0][0]`"}),
    },
    "liquidation": {
        "documented": (
            {"channel": "orders", "rows": [ORDER]},
            [
                {
                    "is": "Liquidation", **SEEN, "instrument": "BTC-USD", "event_time": AT, "side": "long", "price": "60000",
                    "quantity": "0.005", "notional_usd": "300.000", "censoring": "complete", "backlog": False,
                }
            ],
        ),
        "damaged": ({"channel": "orders", "rows": [{**ORDER, "side": "?"}]}, {"malformed": "$.side: '?' is not allowed"}),
    },
}  # fmt: skip


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False,
        timeout=115,
    )  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"}


def digests(folder: Path) -> dict[str, str]:
    """The digest of each file that is not of the new venue."""
    files = [one for one in folder.rglob("*") if one.is_file() and not {"__pycache__", ".hypothesis"} & set(one.parts)]
    names = {one: one.relative_to(folder) for one in files}
    return {
        str(name): sha256(one.read_bytes()).hexdigest()
        for one, name in names.items()
        if name != FILE and CASES not in name.parents
    }


def fill_in(folder: Path) -> None:
    """Fill in the skeleton's file and its cases."""
    text = (folder / FILE).read_text()
    for old, new in FILLED:
        assert old in text, old
        text = text.replace(old, new)
    (folder / FILE).write_text(text)
    listing = folder / CASES / "instruments.toml"
    listing.write_text(listing.read_text().replace("FILL_IN_symbol", "BTC-USD").replace('"1"', '"0.001"'))
    for subject, by_grade in MESSAGES.items():
        for grade, (payload, readings) in by_grade.items():
            case = folder / CASES / subject / grade
            (case / "payload.json").write_text(json.dumps(payload))
            (case / "readings.json").write_text(json.dumps(readings))
            source = (
                (case / "source.toml").read_text().replace("FILL_IN the address of the page", "https://docs.example/")
            )
            (case / "source.toml").write_text(source.replace("FILL_IN_symbol", "BTC-USD").replace("/FILL_IN/", "/v1/"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A copy of the repository with the skeleton, not yet filled in; and the digests of all other files."""
    folder = tmp_path_factory.mktemp("copy")
    leave = shutil.ignore_patterns("__pycache__", "node_modules", ".venv", "built")
    for name in ("chain", "probes", "monitor", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    before = digests(folder)
    ended = run(folder, "-c", MAIN, "venue", "new", NAME)
    assert ended.returncode == 0, ended.stderr
    return folder, before


@pytest.fixture(scope="module")
def copy(copied: tuple[Path, dict[str, str]]) -> Path:
    """The copy with the new venue filled in."""
    folder, _ = copied
    before = run(folder, *PYTEST, "tests/probes/test_venue_declarations.py", "-k", NAME)
    assert before.returncode == 1
    assert f"{NAME}.py:1:" in before.stdout, "each place that is left is named"
    fill_in(folder)
    return folder


PYTEST = ("-m", "pytest", "-vv", "-p", "no:xdist", "-p", "no:cacheprovider")


@pytest.mark.slow
def test_the_matrix_has_the_new_venue(copy: Path) -> None:
    ended = run(copy, "-c", MAIN, "venues", "--venue", NAME, "--json")
    assert ended.returncode == 0, ended.stderr
    reach = {one["name"]: one["reach"] for one in json.loads(ended.stdout)["capabilities"]}
    assert reach == {
        "server_time": "public", "instruments": "public", "book_rest": "public", "liquidation": "public",
        "book_ws_spot": "none", "volume_spot": "none", "wallet_status": "none",
        "system_status": "not yet", "book_ws": "not yet", "volume": "not yet", "open_interest": "not yet",
        "funding": "not yet", "mark_price": "not yet", "long_short_ratio": "not yet",
        "insurance_fund": "not yet", "deleveraging": "not yet",
    }  # fmt: skip
    assert NAME in run(copy, "-c", MAIN, "venues").stdout


def test_the_page_of_the_matrix_is_made_and_not_edited(copy: Path) -> None:
    readme = copy / "README.md"
    before = readme.read_text()
    ended = run(copy, "-m", "tests.venue_matrix")
    after = readme.read_text()
    readme.write_text(before)
    assert ended.returncode == 0, ended.stderr
    (line,) = set(after.splitlines()) - set(before.splitlines())
    assert line.startswith(f"| {NAME} | public | not yet | none | public | public | not yet | none |")


async def test_the_new_venue_is_probed(copy: Path) -> None:
    async with serving({"/v1/time": say_now('{"time":NOW_MS}')}) as served:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", MAIN, "probe", NAME, "server_time", "--host", f"rest={served.url}", "--json",
            cwd=copy, env=environment(copy), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert "ServerTime" in {json.loads(line)["kind"] for line in said.splitlines()}


def test_its_payloads_can_be_tried(copy: Path) -> None:
    for subject, by_grade in MESSAGES.items():
        path = CASES / subject / "documented" / "payload.json"
        ended = run(copy, "-c", MAIN, "venue", "try", NAME, str(path), "--contract-size", "0.001", "--json")
        (word,) = json.loads(ended.stdout)["readings"]
        assert word["kind"] == by_grade["documented"][1][0]["is"]


@pytest.mark.slow
def test_the_tests_that_loop_over_venues_pass_with_it_and_none_of_them_was_edited(copy: Path) -> None:
    ended = run(copy, *PYTEST, "tests/probes", "-k", NAME)
    assert ended.returncode == 0, ended.stdout[-5000:]
    for file in ("test_venue_cases", "test_any_bytes", "test_drift", "test_dialects", "test_venue_declarations"):
        assert f"tests/probes/{file}.py" in ended.stdout, file


def test_its_topics_are_claimed(copy: Path) -> None:
    program = (
        "from datetime import UTC, datetime\n"
        "from probes import venues\n"
        "from probes.dialect.capabilities import sample_of\n"
        f"venue = venues.declared({NAME!r})\n"
        "(feed,) = venue.feeds\n"
        "topics = feed.topics([sample_of(venue, feed.market)])\n"
        "(asked,) = feed.ask(topics, datetime(2026, 11, 1, tzinfo=UTC))\n"
        "print([one.name for one in topics] == list(asked.topics), asked.id in asked.text, topics[0].rare)\n"
    )
    assert run(copy, "-c", program).stdout == "True True True\n"


@pytest.mark.slow
def test_rooms_contracts_formatter_and_types_hold_with_it(copy: Path) -> None:
    for words in (
        (*PYTEST, "tests/test_rooms.py"),
        ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"),
        ("-m", "mypy", "--cache-dir=/dev/null", str(FILE)),
        ("-m", "ruff", "check", "--no-cache", str(FILE)),
    ):
        ended = run(copy, *words)
        assert ended.returncode == 0, ended.stdout[-3000:]


def test_no_other_file_was_edited_or_added(copied: tuple[Path, dict[str, str]], copy: Path) -> None:
    assert digests(copy) == copied[1]
