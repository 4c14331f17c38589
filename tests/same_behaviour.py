"""Does the program still do the same, byte for byte? For a change that moves or renames code and is to change nothing.

`python -m tests.same_behaviour make FOLDER` keeps what the program at hand says: of the recording of each shipped drill (about
100 s each), and of a chain that is built anew but is always the same (`tests.same_world`). `... compare FOLDER` asks the program
at hand the same and ends with 1 where an answer is another. Only the command line is asked. FOLDER is to be kept outside of the
repository; what it holds already of drills is not made again.
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
"""The command line, several times in one process: to start it costs more than most answers."""
CLOCK = re.compile(rb'"seen_at": ?"[^"]*"')
"""When we saw an event: the one thing in what a scan says that is of the hour, not of the chain."""
NODE = re.compile(rb"http://127\.0\.0\.1:\d+")
"""The test node's free port."""
KEPT_RECORDING = "recording.jsonl.gz"
Words = tuple[str, ...]
"""Of one command."""


def main(words: list[str]) -> int:
    """The command; its exit code."""
    if len(words) != 2 or words[0] not in ("make", "compare"):
        _say(__doc__ or "")
        return 2
    folder = Path(words[1]).resolve()
    if words[0] == "make":
        folder.mkdir(parents=True, exist_ok=True)
        _record(folder)
        for name, answer in _answers(folder):
            _path(folder, name).write_bytes(answer)
            _say(f"kept {name}: {len(answer)} bytes")
        return 0
    wanted = {path.name for path in folder.glob("*.answer")}
    given = {_path(folder, name).name: answer for name, answer in _answers(folder)}
    wrong = sorted(
        name for name in wanted | {*given} if name not in wanted or (folder / name).read_bytes() != given.get(name)
    )
    for name in wrong:
        (folder / f"{name}.now").write_bytes(given.get(name, b""))
        _say(f"DIFFERS {name}: what it says now is in {name}.now")
    _say(f"{len(given)} answers compared, {len(wrong)} differ")
    return 1 if wrong or not given else 0


def _record(folder: Path) -> None:
    """One drill after the other: each wants a quiet machine."""
    for line in _run(("drill", "--list", "--json"))[0].splitlines():
        name = json.loads(line)["scenario"]
        kept = folder / f"{name}.{KEPT_RECORDING}"
        if not kept.exists():
            out = folder / "drill" / name
            _run(("drill", name, "--json", "-o", str(out)))
            [made] = out.rglob(KEPT_RECORDING)
            shutil.copyfile(made, kept)
            _say(f"recorded {name}")


def _answers(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the program says now, by name."""
    kept = {path.name.removesuffix(f".{KEPT_RECORDING}"): path for path in sorted(folder.glob(f"*.{KEPT_RECORDING}"))}
    replays = _run(*(("replay", str(path), "--json") for path in kept.values()))
    for name, answer in zip(kept, replays, strict=True):
        assert json.loads(answer.splitlines()[-1])["digest"], "a replay ends with its digest"
        yield f"replay of {name}", answer
    yield from asyncio.run(_chain(folder))


async def _chain(folder: Path) -> list[tuple[str, bytes]]:
    """Every answer about the same chain. Its head's hash is one of them: were it another chain, that would differ first."""
    async with running(*BEGIN) as anvil:
        world = await build(anvil)
        last = await anvil.height()
        head = await anvil.call("eth_getBlockByNumber", hex(last), False)
        for traces in ("on", "off"):
            (folder / f"traces-{traces}.toml").write_text(_settings(anvil.url, world, traces))
        words = _questions(world, last, folder)
        answers = await asyncio.gather(*(asyncio.to_thread(_run, *some.values()) for some in words))
        said = [("chain 0 head", f"{last} {head['hash']}".encode())]
        for some, those in zip(words, answers, strict=True):
            said += zip(some, map(_timeless, those), strict=True)
        return said


def _questions(world: World, last: int, folder: Path) -> list[dict[str, Words]]:
    """The words of each command, by the name of its answer; those of each group are asked one after the other. Traces are
    asked for of few blocks: they are given up when they are slow, and then the answer is another.
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


def _timeless(answer: bytes) -> bytes:
    """What it says, without the clock and the node's port."""
    return NODE.sub(b"<node>", CLOCK.sub(b'"seen_at":"<clock>"', answer))


def _run(*commands: Words) -> list[bytes]:
    """What each says on stdout. Ends with a word where one fails."""
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


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
