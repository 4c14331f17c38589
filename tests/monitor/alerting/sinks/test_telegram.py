"""Telegram: a bot's message without a parse mode, silent unless it pages."""

from __future__ import annotations

import pytest

from monitor.alerting.sink import Delivered, TryAgain, note_of
from monitor.alerting.sinks.telegram import MAX_UNITS, TelegramSettings, TelegramSink, cut, message_of
from monitor.errors import OperatorError
from monitor.incidents import Level
from tests.monitor.alerting.sinks.changes import change
from tests.monitor.alerting.sinks.receiver import delivered, receiving

ENV = {"T": "123:swordfish"}


async def test_a_change_is_one_message_to_the_chat() -> None:
    async with receiving() as receiver:
        receiver.answers = [(200, {}), (429, {"Retry-After": "3"})]
        sink = TelegramSink(TelegramSettings(token_env="T", chat_id="-100123", url=receiver.url), ENV)
        outcomes = await delivered(sink, *[note_of(change(), Level.WATCH)] * 2)

    assert outcomes == [Delivered(), TryAgain(why="HTTP 429", after_s=3.0)]
    assert receiver.came[0].path == "/bot123:swordfish/sendMessage"
    message = receiver.came[0].body
    assert message["chat_id"] == "-100123"
    assert message["text"].startswith("PERFECT STORM PAGE asset:BTC opened\nPERFECT STORM BTC: 12 liquidations")
    assert "parse_mode" not in message
    assert message["link_preview_options"] == {"is_disabled": True}


def test_only_a_page_makes_a_sound() -> None:
    assert message_of(note_of(change(), Level.WATCH), "1")["disable_notification"] is False
    assert message_of(note_of(change(pages=False), Level.WATCH), "1")["disable_notification"] is True


@pytest.mark.parametrize(("text", "cut_text"), [("abcd", "abcd"), ("abcde", "abc…"), ("ab🌩🌩", "ab…"), ("a🌩b🌩", "a🌩…")])
def test_text_is_cut_in_utf16_units_and_never_in_half_a_character(text: str, cut_text: str) -> None:
    assert cut(text, 4) == cut_text


def test_a_long_note_is_cut_to_what_telegram_takes() -> None:
    text = message_of(note_of(change(headline="🌩" * 5000), Level.WATCH), "1")["text"]
    assert len(text.encode("utf-16-le")) // 2 <= MAX_UNITS


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (TelegramSettings(chat_id="1"), "sinks.telegram.token_env"),
        (TelegramSettings(token_env="T"), "sinks.telegram.chat_id"),
        (TelegramSettings(token_env="NOT_SET", chat_id="1"), "sinks.telegram.token_env"),
        (TelegramSettings(token_env="T", chat_id="1", url="nowhere"), "sinks.telegram.url"),
    ],
)
def test_a_mistake_names_the_key_and_never_the_token(settings: TelegramSettings, key: str) -> None:
    with pytest.raises(OperatorError) as caught:
        TelegramSink(settings, ENV)
    assert caught.value.key == key
    assert "swordfish" not in str(caught.value)
