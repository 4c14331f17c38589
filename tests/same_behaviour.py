"""Checks that the program still does the same, byte for byte, after a change that only moves or renames code.

`python -m tests.same_behaviour make FOLDER` stores the answers of the current program: for the recording of each shipped drill
(about 100 s each), and for a chain that is rebuilt but always identical (`tests.same_world`). `... compare FOLDER` asks the
current program the same questions and exits with 1 if an answer differs. It only uses the command line. FOLDER must be outside
of the repository; drills that are already recorded in it are not recorded again.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.evm.anvil import running
from tests.same_world import BEGIN, World, build

PROGRAM = """
import json, sys
from monitor.cli import main
for words in json.load(sys.stdin):
    sys.argv = ["stormwatch", *words]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    print(chr(0), end="", flush=True)
"""
"""Runs the command line several times in one process, because a start costs more than most answers."""
CLOCK = re.compile(rb'"seen_at": ?"[^"]*"')
"""The time at which we saw an event: the only part of a scan's output that does not come from the chain."""
NODE = re.compile(rb"http://127\.0\.0\.1:\d+")
"""The test node's free port."""
STORED_RECORDING = "recording.jsonl.gz"
Words = tuple[str, ...]
"""The arguments of one command."""


def main(words: list[str]) -> int:
    """Run the command; return its exit code."""
    if len(words) != 2 or words[0] not in ("make", "compare"):
        _print(__doc__ or "")
        return 2
    folder = Path(words[1]).resolve()
    if words[0] == "make":
        folder.mkdir(parents=True, exist_ok=True)
        _record(folder)
        for name, answer in _answers(folder):
            _path(folder, name).write_bytes(answer)
            _print(f"stored {name}: {len(answer)} bytes")
        return 0
    wanted = {path.name for path in folder.glob("*.answer")}
    given = {_path(folder, name).name: answer for name, answer in _answers(folder)}
    wrong = sorted(
        name for name in wanted | {*given} if name not in wanted or (folder / name).read_bytes() != given.get(name)
    )
    for name in wrong:
        (folder / f"{name}.now").write_bytes(given.get(name, b""))
        _print(f"DIFFERS {name}: the current answer is in {name}.now")
    _print(f"{len(given)} answers compared, {len(wrong)} differ")
    return 1 if wrong or not given else 0


def _record(folder: Path) -> None:
    """Record one drill after the other: each needs a quiet machine."""
    for line in _run(("drill", "--list", "--json"))[0].splitlines():
        name = json.loads(line)["scenario"]
        stored = folder / f"{name}.{STORED_RECORDING}"
        if not stored.exists():
            out = folder / "drill" / name
            _run(("drill", name, "--json", "-o", str(out)))
            [recorded] = out.rglob(STORED_RECORDING)
            shutil.copyfile(recorded, stored)
            _print(f"recorded {name}")


def _answers(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The answers of the current program, by name."""
    stored = {
        path.name.removesuffix(f".{STORED_RECORDING}"): path for path in sorted(folder.glob(f"*.{STORED_RECORDING}"))
    }
    replays = _run(*(("replay", str(path), "--json") for path in stored.values()))
    for name, answer in zip(stored, replays, strict=True):
        assert json.loads(answer.splitlines()[-1])["digest"], "a replay ends with its digest"
        yield f"replay of {name}", answer
    yield from asyncio.run(_chain(folder))


async def _chain(folder: Path) -> list[tuple[str, bytes]]:
    """Every answer about the same chain. The hash of its head is one of them, so a different chain shows there first."""
    async with running(*BEGIN) as anvil:
        world = await build(anvil)
        last = await anvil.height()
        head = await anvil.call("eth_getBlockByNumber", hex(last), False)
        for traces in ("on", "off"):
            (folder / f"traces-{traces}.toml").write_text(_settings(anvil.url, world, traces))
        words = _questions(world, last, folder)
        answers = await asyncio.gather(*(asyncio.to_thread(_run, *some.values()) for some in words))
        answers_now = [("chain 0 head", f"{last} {head['hash']}".encode())]
        for some, those in zip(words, answers, strict=True):
            answers_now += zip(some, map(_without_clock, those), strict=True)
        return answers_now


def _questions(world: World, last: int, folder: Path) -> list[dict[str, Words]]:
    """The arguments of each command by the name of its answer; the commands of a group run one after the other. Traces are
    requested for few blocks only: slow traces are given up, and then the answer differs.
    """

    def scan(first: int, to: int, *more: str, traces: str = "off") -> Words:
        config = str(folder / f"traces-{traces}.toml")
        return ("chain", "scan", "--network", "local", "--config", config, "--from", str(first), "--to", str(to), *more)

    inspect = ("chain", "inspect", "--network", "local", "--config", str(folder / "traces-off.toml"), "--json")
    addresses = [*world.contracts, *(one["address"] for one in world.pools), *world.tokens]
    return [
        {
            "chain scan flips": scan(*world.flips, "--every-block", "--json", traces="on"),
            "chain scan each block": scan(world.silent_from, world.flips[1], "--every-block", "--json"),
        },
        {
            "chain scan stretches": scan(1, last, "--stretches", "--json"),
            "chain scan as a table": scan(world.flips[1], last, "--stretches"),
        },
        {f"chain inspect {one}": (*inspect, one) for one in addresses},
    ]


def _without_clock(answer: bytes) -> bytes:
    """The answer without the times and the node's port."""
    return NODE.sub(b"<node>", CLOCK.sub(b'"seen_at":"<clock>"', answer))


def _run(*commands: Words) -> list[bytes]:
    """The output of each command on stdout. Exits with a message if one fails."""
    environment = os.environ | {"COLUMNS": "400"}
    asked = json.dumps(commands).encode()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=asked, capture_output=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"{commands}: exit {done.returncode}\n{done.stderr.decode(errors='replace')[-2000:]}")
    answers = done.stdout.split(b"\0")
    assert len(answers) == len(commands) + 1
    return answers[:-1]


def _settings(url: str, world: World, traces: str) -> str:
    contracts = [
        {"network": "local", "address": address} | ({"timelock": timelock} if timelock else {})
        for address, timelock in world.contracts.items()
    ]
    return "\n".join(
        [
            'vantage = "test"',
            "[assets.TOK]",
            f"contracts = {_inline(contracts)}",
            f"pools = {_inline([{'network': 'local', **one} for one in world.pools])}",
            f"tokens = {_inline([{'network': 'local', 'address': one} for one in world.tokens])}",
            "[assets.ETH]",
            "[venues.bybit]",
            f"wallets = {_inline([{'network': 'local', **one} for one in world.wallets])}",
            "[networks.local]",
            f'nodes = [{{url = "{url}"}}]',
            f'traces = "{traces}"',
            'timeout_s = "120s"',
            f"timelocks = {json.dumps(world.timelocks)}",
            "",
        ]
    )


def _inline(tables: list[dict[str, str]]) -> str:
    return (
        "[" + ", ".join("{" + ", ".join(f"{k} = {json.dumps(v)}" for k, v in one.items()) + "}" for one in tables) + "]"
    )


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '-')}.answer"


def _print(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
