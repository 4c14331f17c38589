"""`stormwatch top`: the board's answers in a terminal of any width, live, and never as if it were live when it is not."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.render.top import picture
from monitor.web.board.brief import MAX_CHANGES, MAX_INCIDENTS, brief
from monitor.web.board.contents import Contents
from monitor.web.board.server import BoardRoutes
from monitor.web.server import Web
from monitor.web.settings import WebSettings
from tests.monitor.alerting.sinks.changes import change, verdict
from tests.monitor.cli.test_exits import capacity
from tests.monitor.web.answers import answered, ready
from tests.monitor.web.board.boards import large, sight, storm

WAIT_S = 60.0


def drawn(board: Contents, width: int = 80, rows: int = 30, trouble: str = "") -> str:
    into = StringIO()
    Console(file=into, width=width, highlight=False).print(picture(brief(board), width, rows, trouble))
    return into.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


class Served:
    """A board that a test changes, the settings of a command that asks for it, and how to take it away."""

    def __init__(self, board: Contents, folder: Path) -> None:
        self.board = board
        self.path = folder / "set.toml"
        self.config = str(self.path)

    async def start(self, token: str | None = None) -> None:
        self.web = Web(WebSettings(port=0), ready, lambda: (b"", ""), board=BoardRoutes(lambda: self.board, token))
        await self.web.start()
        name = 'board_token_env = "TOP_TOKEN"\n' if token else ""
        self.path.write_text(f"[web]\nport = {self.web.port}\n{name}[assets.BTC]\n")


@asynccontextmanager
async def served(board: Contents, folder: Path, token: str | None = None) -> AsyncIterator[Served]:
    ours = Served(board, folder)
    await ours.start(token)
    try:
        yield ours
    finally:
        await ours.web.stop()


async def once(config: str, *more: str) -> tuple[int, str]:
    """The exit code and what was printed where stdout is no terminal."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["top", "-c", config, *more])
    return result.exit_code, result.output


def test_it_answers_what_the_board_answers() -> None:
    text = words(drawn(storm(), 130))

    for wanted in (
        "Stormwatch tokyo 2026-01-01 12:02:00 UTC",
        "not ready: database is away",
        "PERFECT-STORM asset:BTC since 12:00:00: PERFECT STORM BTC",
        "can we get out: 1.2 M USD of BTC",
        "unknown 75% stress 75% stress 75% 1.2 M USD 1.2 M USD 40%, a tenth in 7 min",
        "ETH calm",
        "not watched",
        "binance_usdm/liquidation 0% 12:00:08 BTC silent",
        "database away 3",
        "binance_usdm 1 of 2 liquidation 0%",
        "ethereum 1 of 1",
    ):
        assert wanted in text


def test_deliveries_say_what_became_of_them_and_remarks_who_acknowledged() -> None:
    lag = replace(next(iter(answered().readers.values())), state="broken", entries=None)
    board = replace(
        storm(),
        ready=replace(answered(), readers={"sink desk": lag}),
        remarks={change().incident_id: "acknowledged by Ann"},
    )
    text = words(drawn(board, 130))

    assert "sink desk broken unknown 3 delivered" in text
    assert "12:01:00 raised PAGE; acknowledged by Ann" in text


@pytest.mark.parametrize("width", [80, 130, 40])
def test_no_line_is_wider_than_the_terminal_and_levels_are_never_broken(width: int) -> None:
    text = drawn(storm(), width)

    assert max(map(len, text.splitlines())) <= width
    assert re.search(r"\bperfect-storm\b", text) or width == 40


def test_a_drill_and_a_board_that_is_not_live_say_so_first() -> None:
    text = drawn(replace(storm(), drill=True), trouble="127.0.0.1:9464: Connection refused")

    assert text.splitlines()[0].startswith("DRILL")
    assert "NOT LIVE: 127.0.0.1:9464: Connection refused" in text
    assert "unknown, not calm" in words(text)


def test_a_text_from_outside_is_neither_markup_nor_a_control() -> None:
    hostile = "[red]x[/red]\x1b[2J\n[link=http://a]y[/link]"
    blind = replace(storm().verdicts["BTC"].blind[0], source=hostile, reason=hostile)
    board = replace(
        storm(),
        vantage=hostile,
        ready=answered(hostile),
        verdicts={"BTC": replace(verdict(), blind=(blind,))},
        incidents=([change(1, scope=hostile, headline=hostile)],),
        sources=(sight(f"{hostile}/book", 0.1),),
        remarks={change().incident_id: hostile},
    )
    text = drawn(board, 300)

    assert "\x1b" not in text
    assert text.count("[red]x[/red]") >= 6


def test_what_has_not_been_seen_is_unknown_and_nothing_open_is_said() -> None:
    board = Contents(
        at=storm().at, vantage="tokyo", ready=answered(),
        verdicts={"BTC": replace(verdict(), legs=())}, exits={"BTC": capacity(usd=None, share=None)},
    )  # fmt: skip
    text = words(drawn(board))

    assert "no incident is open" in text
    assert "unknown unknown unknown unknown unknown" in text  # three legs, the amount, the share


def test_rows_beyond_the_screen_are_counted() -> None:
    text = drawn(large(200, 14), rows=5)

    assert "and 195 more" in text
    assert "and 9 more" in text


def test_the_brief_of_a_large_board_is_small_and_keeps_what_is_open() -> None:
    ended = storm().incidents[1]
    old = [[replace(one, incident_id=f"old-{number}") for one in ended] for number in range(60)]
    long = [change(revision) for revision in range(1, 41)]
    board = replace(large(200, 14), incidents=(*old, long))
    cut = brief(board)

    assert len(msgspec.json.encode(cut)) < 500_000
    assert len(cut.incidents) == MAX_INCIDENTS
    assert [one.revision for one in cut.incidents[0]] == [1, *range(40 - MAX_CHANGES + 2, 41)]
    assert cut.incidents[0][-1].headline == long[-1].headline
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(cut)), Contents).verdicts == cut.verdicts


async def test_one_picture_is_printed_where_stdout_is_no_terminal(tmp_path: Path) -> None:
    async with served(storm(), tmp_path) as ours:
        for more in ((), ("--once",)):
            code, text = await once(ours.config, *more)
            assert code == 0
            assert "PERFECT-STORM" in text
            assert "\x1b" not in text
            assert max(map(len, text.splitlines())) <= 80


async def test_a_daemon_that_is_away_or_keeps_its_board_is_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(storm(), tmp_path, token="s3cret") as ours:
        monkeypatch.setenv("TOP_TOKEN", "s3cret")
        assert (await once(ours.config))[0] == 0
        monkeypatch.setenv("TOP_TOKEN", "other")
        code, text = await once(ours.config)
        assert (code, "401" in text, "web.board_token_env" in text) == (1, True, True)
        monkeypatch.setenv("TOP_TOKEN", "s3cret")
    code, text = await once(ours.config)
    assert (code, "Connection refused" in text) == (1, True)
    ours.path.write_text("[web]\nenabled = false\n[assets.BTC]\n")
    assert "web.enabled is false" in (await once(ours.config))[1]


class Terminal:
    """A process on a terminal of its own, and everything that it has drawn."""

    def __init__(self, *command: str) -> None:
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        self.text = ""
        self._ours, self._theirs, self._command = ours, theirs, command
        self._more = asyncio.Event()

    async def start(self) -> None:
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "60"}
        self.process = await asyncio.create_subprocess_exec(
            *self._command, stdin=self._theirs, stdout=self._theirs, stderr=self._theirs, env=env,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background of a shell ignore it
        )  # fmt: skip
        os.close(self._theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def _read(self) -> None:
        try:
            self.text += os.read(self._ours, 65536).decode(errors="replace")
        except OSError:  # the process has ended
            asyncio.get_running_loop().remove_reader(self._ours)
        self._more.set()

    async def shows(self, wanted: str) -> None:
        """Return when this text has been drawn from now on."""
        self.text = ""
        async with asyncio.timeout(WAIT_S):
            while wanted not in self.text:
                self._more.clear()
                await self._more.wait()


async def test_on_a_terminal_it_is_live_and_says_when_it_is_not(tmp_path: Path) -> None:
    async with served(storm(), tmp_path) as ours:
        screen = Terminal(sys.executable, "-c", "from monitor.cli import main; main()", "top", "-c", ours.config)
        await screen.start()
        try:
            await screen.shows("asset:BTC")
            ours.board = replace(ours.board, vantage="osaka")
            await screen.shows("Stormwatch osaka")
            await ours.web.stop()
            await screen.shows("NOT LIVE")
        finally:
            screen.process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(screen.process.wait(), WAIT_S) == 130
