"""Sends each incident change to a Telegram chat as a bot (core.telegram.org/bots/api, sendMessage).

The text is sent without a parse mode: the words of venues and chains are never markup. What does not page comes without a sound.
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
from monitor.alerting.sinks import SinkType, from_env
from monitor.errors import OperatorError

URL = "https://api.telegram.org"
MAX_UNITS = 4096
"""The most UTF-16 code units of a message."""

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """The bot's token by environment variable, and the chat: its number, or @name of a channel."""

    token_env: str = ""
    chat_id: str = ""
    url: str = URL
    timeout_s: float = 10.0


class TelegramSink:
    """The Telegram sink."""

    def __init__(
        self,
        settings: TelegramSettings,
        env: Mapping[str, str],
        key: str = "sinks.telegram",
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not settings.token_env:
            remedy = "name the one that holds the bot's token"
            raise OperatorError(f"{key}.token_env", "", "the name of an environment variable", remedy)
        if not settings.chat_id:
            raise OperatorError(f"{key}.chat_id", "", "a chat's number as text, or @name", "give one")
        self._chat_id = settings.chat_id
        token = from_env(f"{key}.token_env", settings.token_env, env)
        base = given_url(settings.url, "", env, key).rstrip("/")
        self._receiver = Receiver(
            url=f"{base}/bot{token}/sendMessage",
            timeout_s=checked_seconds(settings.timeout_s, f"{key}.timeout_s"),
            clock=clock,
        )

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Send the message."""
        return await self._receiver.send(client, _encode(message_of(note, self._chat_id)))


def message_of(note: Note, chat_id: str) -> dict[str, Any]:
    """The message of a note to a chat."""
    return {
        "chat_id": chat_id,
        "text": cut(f"{note.title}\n{note.text}", MAX_UNITS),
        "disable_notification": not note.pages,
        "link_preview_options": {"is_disabled": True},
    }


def cut(text: str, most: int) -> str:
    """The text in at most so many UTF-16 code units, with an ellipsis where it was cut; never half a character."""
    encoded = text.encode("utf-16-le", "replace")
    if len(encoded) <= 2 * most:
        return text
    return encoded[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"


SINK = SinkType(settings=TelegramSettings, build=TelegramSink)
