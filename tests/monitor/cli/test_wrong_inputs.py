"""Wrong inputs to every command: one line a mistake, all mistakes at once, exit code 2, no traceback, nothing left behind."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.cli import _command, main

SETTINGS = """
[store]
folder = "store"
[assets.BTC]
[targets.api]
url = "http://127.0.0.1:1"
[networks.ethereum]
nodes = [{ url = "http://127.0.0.1:1" }]
"""
FILES = {
    "stormwatch.toml": SETTINGS,
    "file.txt": "hello\n",
    "empty": "",
    "bad.toml": "a = [\n",
    "bad.jsonl": '{"a": 1}\n',
    "bad.csv": "time,value\nx,y\n",
    "good.csv": "time,value\n2026-01-01T00:00:00Z,1\n",
    "wrong.toml": 'colour = 1\n[venues.okxx]\n[sinks.console]\nassets = ["DOGE"]\n[[maintenance]]\nstart = 2026-01-01\n',
}
ADDRESS = "0xdac17f958d2ee523a2206206994597c13d831ec7"
WRONG = "colour venues sinks.console.assets[0] maintenance[0].start maintenance[0].end maintenance[0].reason"
# Each line: the command, and behind the arrow the key of each mistake that it must name.
CASES = f"""
nope -> COMMAND
incidnts -> COMMAND
--nope -> OPTION
--versoin -> OPTION
incidents lst -> COMMAND
incidents --json list -> incidents
incidents list --limit x -> --limit
incidents list --limit 0 -> --limit
incidents list --limit 10001 -> --limit
incidents list --limit -> --limit
incidents list --limit x --bar --foo=3 extra -> OPTION OPTION --limit
incidents list --since 2026-01-01 --until tomorrow --level high --state closed -> --since --until --level --state
incidents list --since 2026-01-02T00:00Z --until 2026-01-01T00:00Z -> --until
incidents list --level high -c none.toml -> --level --config
incidents list -c wrong.toml -> {WRONG}
incidents show -> INCIDENT_ID
incidents show a b -> ARGUMENTS
incidents show a -c none.toml -> --config
export -> WHAT --out
export signals -o out.csv --since tomorrow -> --since
export prices -o out.csv -> WHAT
export signals -o out.csv --format xls -> --format
export signals -o out.csv -c none.toml -> --config
fragile BTC ETH -> ARGUMENTS
fragile --jsn -> OPTION
fragile -c none.toml -> --config
top --twice -> OPTION
top -c none.toml -> --config
silence ad -> COMMAND
silence add -> --until --by
silence add --by -> --by
silence add --until 2020-01-01T00:00Z --by x --asset DOGE --venue okxx --level storm -> --until --asset --venue --level
silence add --until soon --by " " --comment {"x" * 201} -> --until --by --comment
silence add --until 2099-01-01T00:00Z --by x -> --until
silence list extra -> ARGUMENTS
silence list --jsn -> OPTION
silence end -> SILENCE_ID
silence end nope -> ID
silence end nope -c none.toml -> --config
ack -> INCIDENT_ID --by
ack BTC -> --by
ack BTC --by "" -> ID --by
ack asset-btc-1-abcdef --by x -c bad.toml -> bad.toml
config nope -> COMMAND
config check extra -> ARGUMENTS
config check --offline -c none.toml -> --config
config check --offline -c . -> --config
config check --offline -c file.txt -> file.txt
config check --offline -c bad.toml -> bad.toml
config check --offline -c empty -> settings
config check --offline -c wrong.toml -> {WRONG}
config show -c wrong.toml -> {WRONG}
config show --jsn -> OPTION
config schema extra -> ARGUMENTS
config init -o . -> --out
config init -o stormwatch.toml -> --out
config init -o none/x.toml -> --out
config init --minimal --small -> OPTION
probe -> VENUE
probe bybitt -> VENUE
probe bybitt --listen nan --host rest -c none.toml -> VENUE --listen --host --config
probe okx nope -> CHECK
probe okx nope --listen -1 --host rest=x --host rset=http://127.0.0.1:1 -> CHECK --listen --host.rest --host
probe okx book_ws --listen soon -> --listen
probe okx book_ws --listen 1e9 -> --listen
probe okx wallet_status -> venues.okx.key_env
probe okx server_time extra -> ARGUMENTS
probe --target nope -> --target
probe okx server_time --target api -> VENUE CHECK
probe --target api --asset BTC --host rest=x -> --asset --host
drill perfect-strom -> scenario
drill quiet extra -> ARGUMENTS
drill quiet --venues okx,bitgett -> venues[1]
drill quiet --otlp x -> --otlp
drill quiet -o file.txt/x -> --out
drill quiet -c none.toml -> --config
drill --list --nope -> OPTION
drill nope --explain -> scenario
replay -> FILE
replay none.jsonl -> FILE
replay file.txt -> FILE
replay empty -> FILE
replay bad.jsonl -> FILE
replay . -> FILE
detect -> FILE
detect none.csv --kind nope -> --kind FILE
detect file.txt -> --time
detect empty -> FILE
detect bad.csv -> --time
detect good.csv --value nope -> --value
detect good.csv --time nope -> --time
detect good.csv --csv none/out.csv -> --csv
detect . -> FILE
record -> --out
record -o -> -o
record -o x.jsonl --for soon -> --for
record -o x.jsonl --for 0 -> --for
record -o . -> --out
record -o file.txt/x.jsonl -> --out
record -o x.jsonl -c empty -> settings
record -o x.jsonl -c none.toml -> --config
run extra -> ARGUMENTS
run -c none.toml --clock-start noon -> --config --clock-start
run -c empty -> settings
run -c bad.toml -> bad.toml
run --record file.txt/y.jsonl -> --record
run --from bus -> bus.servers
agent -> bus.servers
agent -c none.toml -> --config
schema nope -> NAME
schema signal extra -> ARGUMENTS
score none.jsonl -> FILE
score file.txt --truth none.json -> --truth
score --seeds x --train y --jobs z -> --seeds --train --jobs
score --kinds nope --venues x,51 --jobs 0 --ablate nope --seeds -1 -> --kinds --ablate --venues --venues --jobs --seeds
score --seed -1 --settings none.toml -> --config --seed
exits a b -> ARGUMENTS
exits -c none.toml -> --config
status extra -> ARGUMENTS
status --nope -> OPTION
status -c none.toml -> --config
snapshot a b -> ARGUMENTS
snapshot x --at 2026-01-01 -> --at
snapshot --at noon -> --at
snapshot -c none.toml -> --config
venues nope -> ARGUMENTS
venues --markdwn -> OPTION
venues --venue nope -> --venue
venue nope -> COMMAND
venue new -> NAME
venue new Bad-Name -> NAME
venue new fine --checkout none -> --checkout
venue try -> NAME FILE
venue try nope none.json --contract-size x --received-at noon -> NAME FILE --contract-size --received-at
venue try okx file.txt --check nope -> --check
venue try okx file.txt --feed nope -> --feed
venue try okx file.txt --status 99 -> --status
chain nope -> COMMAND
chain scan -> --network --from --to
chain scan --network ethereum --from x --to y -> --from --to
chain scan --network ethereal --from 5 --to 2 --contract 0x12 -> --network --to --contract
chain scan --network ethereum --from -1 --to 2 -> --from
chain scan --network ethereum --from 1 --to 2 --output none/x.jsonl -> --output
chain inspect -> ADDRESS --network
chain inspect 0x12 --network ethereal -> ADDRESS --network
chain inspect {ADDRESS} --network ethereal -> --network
chain inspect {ADDRESS.replace("d", "D")} --network ethereum -> ADDRESS
db nope -> COMMAND
db migrate extra -> ARGUMENTS
db migrate -c none.toml -> --config
""".strip().splitlines()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings and files of every wrong kind; there is no home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for name in [one for one in os.environ if one.startswith("STORMWATCH_")]:
        monkeypatch.delenv(name)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def keys_of(complaint: str) -> list[str]:
    """The key of each line."""
    first, *others = complaint.rstrip("\n").split("\n")
    assert first.startswith("error: "), complaint
    assert all(one.startswith("       ") for one in others), complaint
    return [re.split(r": (?:is missing|['\"])", one[7:])[0] for one in (first, *others)]


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_input_is_told_with_all_its_mistakes_and_leaves_nothing_behind(
    folder: Path, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    command, _, keys = case.rpartition(" -> ")
    before = sorted(folder.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command))
    out, complaint = capfd.readouterr()

    assert (ended.value.code, out) == (2, "")
    assert sorted(keys_of(complaint)) == sorted(keys.split())
    assert all(len(line) <= 2100 and "; allowed: " in line for line in complaint.splitlines())
    assert sorted(folder.rglob("*")) == before


def test_there_are_a_hundred_and_they_reach_every_command() -> None:
    reached = {" ".join(one.split()[:2]) for one in CASES} | {one.split()[0] for one in CASES}
    groups = _command().commands
    every = [name for name, one in groups.items() if not hasattr(one, "commands")]
    every += [f"{name} {inner}" for name, one in groups.items() for inner in getattr(one, "commands", {})]
    assert len(CASES) == len(set(CASES)) >= 100
    assert set(every) <= reached


def test_a_command_that_needs_another_shows_its_help(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["silence"])
    shown = "".join(capfd.readouterr())
    assert ended.value.code == 2
    assert all(word in shown for word in ("Usage: stormwatch silence", "add", "list", "end"))


PLACES: dict[str, dict[str, str | None]] = {
    "an ASCII locale": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a terminal that can do nothing": {"TERM": "dumb", "NO_COLOR": "1"},
    "no home": {"HOME": None},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_mistake_is_told_so_in_every_surrounding(folder: Path, place: str) -> None:
    given = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **PLACES[place]}
    text = SETTINGS.replace("[assets.BTC]", '[assets.BTC]\n[assets."ßÄ"]') + "[venues.okxx]\n"
    (folder / "stormwatch.toml").write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", "from monitor.cli import main; main()", "config", "check", "--offline"],
        capture_output=True, timeout=60, check=False, cwd=folder, env={key: one for key, one in given.items() if one is not None},
    )  # fmt: skip
    assert ended.returncode == 2, ended
    assert sorted(keys_of(ended.stderr.decode())) == ["assets", "venues"]
    assert b"\x1b" not in ended.stderr + ended.stdout
    assert ended.stdout == b""


def test_what_a_read_only_folder_refuses_is_a_mistake(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    settings = folder / "stormwatch.toml"
    monkeypatch.chdir("/proc")  # where nobody may make a file, root neither
    for command, key in (
        ("config init", "--out"),
        ("config init -o new.toml", "--out"),
        (f"silence add --until {soon} --by x -c {settings}", "store.folder"),
        (f"ack asset-btc-1-abcdef --by x -c {settings}", "store.folder"),
        (f"record -o x.jsonl -c {settings}", "--out"),
        ("drill quiet", "--out"),
        (f"detect {folder}/good.csv --csv out.csv", "--csv"),
        (f"chain scan --network ethereum --from 1 --to 2 -o x.jsonl -c {settings}", "--output"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command))
        assert ended.value.code == 2
        assert keys_of(capfd.readouterr().err) == [key]
