"""`stormwatch venue try`: what a stored payload reads as, by the reader that its path names; whatever the file, no traceback."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.payloads import OUTCOMES, Tried, Wanted, read
from monitor.errors import OperatorError
from probes import venues
from probes.readings import Liquidation, ServerTime
from probes.venue import BookDelta
from tests.monitor.cli.test_mistakes import stormwatch
from tests.monitor.cli.test_schemas import validate
from tests.probes.cases import ROOT, Case, decoded, found, listed, title
from tests.probes.test_any_bytes import WHOLE_BODIES
from tests.probes.test_mexc_frames import FRAME

SHARED = Path(__file__).parents[4] / "shared"
FOLDERS = [one for one in (SHARED / "payloads", SHARED / "payloads_2") if one.exists()]
ORDER: dict[str, Any] = {
    "time": 1793491200, "time_ms": 1793491200123, "channel": "futures.public_liquidates", "event": "update",
    "result": [{"contract": "BTC_USDT", "price": "60000", "size": 7, "time_ms": 1793491200000}],
}  # fmt: skip


def stored(folder: Path, name: str, body: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


def shown(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["venue", "try", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def as_json(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["venue", "try", *map(str, arguments), "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    said = json.loads(result.stdout)
    validate("payload", said)
    return result.exit_code, said


def kinds(tried: Tried) -> Counter[str]:
    words = [*tried.words, *(one.word for one in tried.not_admitted), *tried.odd]
    return Counter(type(one).__name__ for one in words)


@pytest.mark.parametrize("case", found(), ids=title)
def test_a_fixture_is_read_by_the_check_or_feed_whose_folder_it_is_in(case: Case) -> None:
    symbol = None if case.instrument is None else case.instrument.symbol
    wanted = Wanted(received_at=case.context.received_at, listed=listed(case.venue), symbol=symbol)
    tried = read(case.venue, case.folder / "payload.json", wanted)
    expected = decoded(case)
    if isinstance(expected, dict):
        assert tried.outcome in ("malformed", "refused")
    else:
        assert Counter(one["is"] for one in expected) == kinds(tried)
    if tried.outcome != "nothing":
        assert tried.reader.split()[1] == case.subject


def test_only_what_the_listing_lists_is_known_with_its_contract_size(tmp_path: Path) -> None:
    rows = [{"name": "BTC_USDT", "quanto_multiplier": "0.01", "in_delisting": False, "status": "trading"}]
    listed_as = stored(tmp_path, "all.json", json.dumps(rows))
    _, said = as_json("gate", stored(tmp_path, "liquidation/one.json", json.dumps(ORDER)), "--listing", listed_as)
    assert [one["quantity"] for one in said["readings"]] == ["0.07"]
    other = {**ORDER, "result": [{**ORDER["result"][0], "contract": "ETH_USDT"}]}
    _, said = as_json("gate", stored(tmp_path, "liquidation/two.json", json.dumps(other)), "--listing", listed_as)
    assert said["readings"] == []
    listed_as.write_text('{"server_time":1}')
    result = CliRunner().invoke(app, ["venue", "try", "gate", str(listed_as), "--listing", str(listed_as)])
    assert isinstance(result.exception, OperatorError)
    assert "--listing" in str(result.exception)


def test_a_frame_is_shown_as_a_table_with_its_reader(tmp_path: Path) -> None:
    code, text = shown("gate", stored(tmp_path, "liquidation/one.json", json.dumps(ORDER)))
    assert code == 0
    assert "gate, feed liquidation: read" in text
    assert "Liquidation" in text
    assert "60000" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_stamp_is_judged_against_the_time_that_is_given(tmp_path: Path) -> None:
    path = stored(tmp_path, "liquidation/one.json", json.dumps(ORDER))
    code, said = as_json("gate", path, "--received-at", "2026-11-03T00:00:00Z")
    assert (code, said["outcome"], said["readings"]) == (1, "not admitted", [])
    assert [(one["reason"], one["kind"]) for one in said["not_admitted"]] == [("stamp", "Liquidation")]
    assert "not admitted" in shown("gate", path, "--received-at", "2026-11-03T00:00:00Z")[1]
    assert as_json("gate", path)[1]["received_at"] == "2026-11-01T00:00:01Z"


def test_the_contract_size_that_is_given_counts(tmp_path: Path) -> None:
    path = stored(tmp_path, "liquidation/one.json", json.dumps(ORDER))
    (order,) = read("gate", path, Wanted(contract_size=Decimal("0.001"))).words
    assert isinstance(order, Liquidation)
    assert order.quantity == Decimal("0.007")


def test_the_check_or_feed_that_is_given_reads_it_whatever_its_path(tmp_path: Path) -> None:
    path = stored(tmp_path, "liquidation/one.json", '{"server_time":1793491200000}')
    (word,) = read("gate", path, Wanted(check="server_time")).words
    assert isinstance(word, ServerTime)
    assert read("gate", path, Wanted(feed="book_ws")).outcome == "nothing"


def test_a_file_of_which_nothing_is_known_is_read_by_whoever_can(tmp_path: Path) -> None:
    path = stored(tmp_path, "some/message.json", json.dumps(ORDER))
    assert read("gate", path, Wanted()).reader.startswith("feed ")
    assert kinds(read("gate", path, Wanted())) == {"Liquidation": 1}


def test_an_odd_row_beside_good_ones_is_shown_with_its_reason() -> None:
    path = ROOT / "binance_spot/wallet_status/damaged_flag_costs_its_row/payload.json"
    code, said = as_json("binance_spot", path)
    assert code == 0
    assert said["readings"]
    assert [(one["reason"], one["count"]) for one in said["odd"]] == [("state", 1)]
    assert "odd rows" in shown("binance_spot", path)[1]


def test_an_answer_with_its_status_is_a_refusal(tmp_path: Path) -> None:
    answer = {"status": 429, "headers": {}, "body": {"label": "TOO_MANY_REQUESTS", "message": "slow down"}}
    code, said = as_json("gate", stored(tmp_path, "error/x.http.json", json.dumps(answer)))
    assert (code, said["outcome"]) == (1, "refused")
    assert said["detail"] == "throttled: TOO_MANY_REQUESTS slow down"
    answer["body"] = "<!doctype html><title>Just a moment</title>"
    said = as_json("gate", stored(tmp_path, "error/y.http.json", json.dumps(answer)))[1]
    assert said["outcome"] == "refused"


def test_a_status_alone_can_be_given(tmp_path: Path) -> None:
    said = as_json("gate", stored(tmp_path, "server_time/x.json", "{}"), "--status", "503")[1]
    assert said["outcome"] == "refused"


def test_a_malformed_answer_says_why(tmp_path: Path) -> None:
    code, text = shown("gate", stored(tmp_path, "server_time/x.json", '{"server_time":"soon"}'))
    assert code == 1
    assert "malformed" in text
    assert "server_time" in text
    assert shown("gate", stored(tmp_path, "server_time/y.json", bytes(range(256))))[0] == 1


def test_frames_in_gzip_and_in_protobuf_are_read_as_they_came(tmp_path: Path) -> None:
    folder = ROOT / "htx/liquidation/order_that_sells_closes_a_long"
    packed_frame = (folder / "payload.json").read_bytes()
    assert packed_frame.startswith(b"\x1f\x8b")
    plain = read("htx", stored(tmp_path, "liquidation/a.json", gzip.decompress(packed_frame)), Wanted())
    packed = read("htx", stored(tmp_path, "liquidation/a.bin", packed_frame), Wanted())
    assert kinds(packed) == kinds(plain) == {"Liquidation": len(plain.words)}
    channel = b"spot@public.aggre.depth.v3.api.pb@100ms@BT"
    frame = b"\x0a" + bytes([len(channel)]) + channel + FRAME[3:]
    (change,) = read("mexc", stored(tmp_path, "book_ws_spot/a.bin", frame), Wanted()).words
    assert isinstance(change, BookDelta)
    assert (change.first_id, change.last_id, list(change.asks)) == (7, 8, [(100.0, 2.0)])


def test_an_answer_in_gzip_is_unpacked_up_to_its_checks_bound(tmp_path: Path) -> None:
    body = gzip.compress(b'{"server_time":1793491200000}')
    assert kinds(read("gate", stored(tmp_path, "server_time/a.gz", body), Wanted())) == {"ServerTime": 1}
    bomb = gzip.compress(b"[" + b" " * 50_000_000)
    tried = read("gate", stored(tmp_path, "server_time/b.gz", bomb), Wanted())
    assert (tried.outcome, "more than 8000000 bytes" in tried.detail) == ("malformed", True)
    assert read("gate", stored(tmp_path, "server_time/c.gz", body[:4]), Wanted()).outcome == "malformed"
    assert read("gate", stored(tmp_path, "server_time/d.gz", b"\x1f\x8bno"), Wanted()).outcome == "malformed"


def test_words_of_a_venue_do_not_steer_the_terminal(tmp_path: Path) -> None:
    answer = {"status": 400, "headers": {}, "body": {"label": "X", "message": "\x1b[2J\nnot a line of ours"}}
    _, text = shown("gate", stored(tmp_path, "error/x.http.json", json.dumps(answer)))
    assert "\x1b" not in text
    assert "\nnot a line" not in text


def hostile(folder: Path) -> dict[str, Path]:
    fifo = folder / "fifo.json"
    os.mkfifo(fifo)
    return {
        "missing": folder / "none.json",
        "folder": folder,
        "fifo": fifo,
        "device": Path("/dev/zero"),
        "too large": stored(folder, "large.json", b" " * 8_000_001),
        "wrapping that is none": stored(folder, "a.http.json", "[]"),
        "status that is none": stored(folder, "b.http.json", '{"status":"x","body":{}}'),
        "nested": stored(folder, "c.http.json", '{"status":200,"body":' + "[" * 100_000),
        "binary": stored(folder, "d.http.json", bytes(range(256))),
    }


def test_a_file_that_is_no_payload_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    for what, path in hostile(tmp_path).items():
        result = CliRunner().invoke(app, ["venue", "try", "gate", str(path)])
        assert isinstance(result.exception, OperatorError), what
        assert "FILE" in str(result.exception), what
        assert len(str(result.exception)) < 2000, what
    ended = stormwatch("venue", "try", "gate", str(tmp_path / "none.json"), cwd=tmp_path)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", venues.NAMES)
def test_whatever_the_bytes_a_payload_of_any_venue_comes_to_an_outcome(name: str, tmp_path: Path) -> None:
    for number, body in enumerate((*WHOLE_BODIES, gzip.compress(b"[" * 2_000_000), bytes(range(256)))):
        for folder in ("anything", "open_interest", "book_ws", "error"):
            assert read(name, stored(tmp_path, f"{folder}/{number}.json", body), Wanted()).outcome in OUTCOMES


def test_deeply_nested_bodies_are_malformed(tmp_path: Path) -> None:
    for name in ("server_time/x.json", "book_ws/x.json", "else/x.json"):
        assert read("gate", stored(tmp_path, name, b"[" * 100_000), Wanted()).outcome == "malformed"


def test_a_source_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    path = stored(tmp_path, "server_time/x.json", '{"server_time":1793491200000}')
    for text in (b"\xff", b"= =", b"x = " + b"[" * 5000, b"a" * 200_000):
        stored(tmp_path, "server_time/x.source.toml", text)
        assert kinds(read("gate", path, Wanted())) == {"ServerTime": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gaet", "x.json"), ("NAME", "gaet", "did you mean 'gate'")),
        (("gate", "x.json", "--check", "server_tine"), ("--check", "server_tine", "did you mean 'server_time'")),
        (("gate", "x.json", "--feed", "book"), ("--feed", "book", "book_ws")),
        (("coinbase", "x.json", "--feed", "book"), ("--feed", "book", "it has none")),
        (("gate", "x.json", "--feed", "book_ws", "--check", "funding"), ("--feed", "one of them")),
        (("gate", "x.json", "--contract-size", "0"), ("--contract-size", "above 0")),
        (("gate", "x.json", "--contract-size", "nan"), ("--contract-size", "above 0")),
        (("gate", "x.json", "--received-at", "noon"), ("--received-at", "noon", "2026-11-24T01:30:00Z")),
    ],
)
def test_a_mistake_names_key_value_what_is_allowed_and_the_remedy(
    arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    result = CliRunner().invoke(app, ["venue", "try", *arguments])
    assert isinstance(result.exception, OperatorError)
    assert all(word in str(result.exception) for word in words)


@pytest.mark.skipif(not FOLDERS, reason="the shared payload folders are not here")
@pytest.mark.parametrize("name", venues.NAMES)
def test_every_real_message_of_a_venue_comes_to_one_of_the_outcomes_and_most_are_read(name: str) -> None:
    outcomes: Counter[str] = Counter()
    for path in sorted(one for root in FOLDERS for one in (root / name).glob("*/*.json")):
        tried = read(name, path, Wanted())
        outcomes[tried.outcome] += 1
        assert tried.outcome in OUTCOMES
        assert tried.detail or tried.outcome == "read"
        if re.search(r"error", path.parts[-2]) and tried.reader.startswith("check"):
            assert tried.outcome == "refused", path
    assert outcomes["read"] >= outcomes["malformed"] * 5
    assert outcomes["read"] >= 10
