"""Slack: an incoming webhook's message, in which the words of others are plain text."""

from __future__ import annotations

import pytest

from monitor.alerting.sink import Delivered, Refused, TryAgain, note_of
from monitor.alerting.sinks.slack import MAX_HEADER, MAX_TEXT, SlackSettings, SlackSink, message_of
from monitor.errors import OperatorError
from monitor.incidents import Level
from tests.monitor.alerting.sinks.changes import change
from tests.monitor.alerting.sinks.receiver import delivered, receiving


async def test_a_change_is_one_message_with_its_title_and_text() -> None:
    async with receiving() as receiver:
        receiver.answers = [(200, {})]
        note = note_of(change(), Level.WATCH)
        outcomes = await delivered(SlackSink(SlackSettings(url_env="U"), {"U": f"{receiver.url}/services/T/B/x"}), note)

    assert outcomes == [Delivered()]
    assert receiver.came[0].path == "/services/T/B/x"
    message = receiver.came[0].body
    assert message["text"] == "PERFECT STORM PAGE asset:BTC opened"
    header, section = message["blocks"]
    assert header == {"type": "header", "text": {"type": "plain_text", "emoji": False, "text": message["text"]}}
    assert section["text"]["type"] == "plain_text"
    assert "12 liquidations a second since 12:00:10" in section["text"]["text"]


def test_words_of_others_are_no_markup_no_mention_and_no_link_preview() -> None:
    hostile = change(scope="venue:<!channel> & <https://evil.example|click>", headline="<!here>")
    message = message_of(note_of(hostile, Level.WATCH))
    assert "<" not in message["text"]
    assert "&lt;!channel&gt; &amp; " in message["text"]
    assert (message["unfurl_links"], message["unfurl_media"]) == (False, False)
    assert {one["text"]["type"] for one in message["blocks"]} == {"plain_text"}


def test_long_text_is_cut_to_what_slack_takes() -> None:
    header, section = message_of(note_of(change(scope="asset:" + "B" * 500, headline="h" * 9000), Level.WATCH))[
        "blocks"
    ]
    assert len(header["text"]["text"]) == MAX_HEADER
    assert len(section["text"]["text"]) == MAX_TEXT
    assert section["text"]["text"].endswith("…")


async def test_a_rate_limit_is_tried_again_and_an_archived_channel_is_refused() -> None:
    async with receiving() as receiver:
        receiver.answers = [(429, {"Retry-After": "30"}), (410, {})]
        sink = SlackSink(SlackSettings(url=receiver.url), {})
        outcomes = await delivered(sink, *[note_of(change(), Level.WATCH)] * 2)
    assert outcomes == [TryAgain(why="HTTP 429", after_s=30.0), Refused(why="HTTP 410")]


@pytest.mark.parametrize("settings", [SlackSettings(), SlackSettings(url="https://a.example/x", url_env="U")])
def test_exactly_one_url_is_given(settings: SlackSettings) -> None:
    with pytest.raises(OperatorError) as caught:
        SlackSink(settings, {"U": "https://b.example/x"})
    assert caught.value.key == "sinks.slack.url"
