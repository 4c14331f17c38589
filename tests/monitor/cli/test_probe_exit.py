"""What `stormwatch probe` tells a script: 0 only where the venue answered and all that it said can be read."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.probes.loopback import Answer, free_port, say, say_now, serving

TIME = "/api/v5/public/time"


async def exit_code(answer: Answer) -> int:
    async with serving({TIME: answer}) as served:
        return await probed(served.url)


async def probed(url: str) -> int:
    program = "from monitor.cli.app import app; app()"
    given = ["probe", "okx", "server_time", "--host", f"rest={url}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *given, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    assert b"Traceback" not in complaint
    assert process.returncode is not None
    return process.returncode


async def test_an_answer_that_can_be_read_ends_with_0() -> None:
    assert await exit_code(say_now('{"code":"0","data":[{"ts":"NOW_MS"}]}')) == 0


@pytest.mark.parametrize(
    "answer",
    [
        say('{"code":"50001","msg":"unavailable"}', 503),
        say('{"code":"50011","msg":"Too Many Requests"}'),
        say("{}", 451),
        say('{"code":"0","data":[{}]}'),
        say('{"code":"0"}'),
        say('{"code":"0","data":[{"ts":"0"}]}'),
    ],
    ids=["unavailable", "throttled in a 200", "blocked", "without the field", "without rows", "an impossible clock"],
)
async def test_a_refusal_or_an_answer_that_cannot_be_read_ends_with_1(answer: Answer) -> None:
    assert await exit_code(answer) == 1


async def test_a_venue_that_cannot_be_reached_ends_with_1() -> None:
    assert await probed(f"http://127.0.0.1:{await free_port()}") == 1
