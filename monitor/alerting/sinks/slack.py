"""Writes each incident change to a Slack channel through an incoming webhook (docs.slack.dev).

The words of venues and chains are plain text in it: no markup, no mention of anybody, no preview of a link.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from monitor.alerting.posting import Receiver, checked_seconds, given_url
from monitor.alerting.sink import Note, Outcome
from monitor.alerting.sinks import SinkType
from monitor.signals.plain_text import one_line

MAX_HEADER = 150
MAX_TEXT = 3000
"""The most characters of a header and of a section (docs.slack.dev, "Blocks")."""

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """The incoming webhook's URL is a secret: better the environment variable that holds it."""

    url: str = ""
    url_env: str = ""
    timeout_s: float = 10.0


class SlackSink:
    """The Slack sink."""

    def __init__(
        self,
        settings: SlackSettings,
        env: Mapping[str, str],
        key: str = "sinks.slack",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._receiver = Receiver(
            url=given_url(settings.url, settings.url_env, env, key),
            timeout_s=checked_seconds(settings.timeout_s, f"{key}.timeout_s"),
            clock=clock,
        )

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Post the message."""
        return await self._receiver.send(client, _encode(message_of(note)))


def message_of(note: Note) -> dict[str, Any]:
    """The message: a header with the title, below it the note's text; `text` is what a notification shows."""
    return {
        "text": _escaped(one_line(note.title)),
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _plain(one_line(note.title), MAX_HEADER)},
            {"type": "section", "text": _plain(note.text, MAX_TEXT)},
        ],
    }


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "emoji": False, "text": text if len(text) <= most else text[: most - 1] + "…"}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


SINK = SinkType(settings=SlackSettings, build=SlackSink)
