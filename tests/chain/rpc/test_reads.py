"""A kind of read says how it is requested and decoded; one that says neither is a mistake of ours."""

from __future__ import annotations

from typing import Any

import pytest

from chain.blocks.reads import Read
from chain.rpc.messages import read_ask


class Unfinished(Read[int]):
    __slots__ = ()


def test_a_read_that_does_not_say_how_its_answer_is_decoded_raises() -> None:
    with pytest.raises(NotImplementedError):
        Unfinished().decode("0x1")


def test_a_read_that_no_request_is_known_for_raises() -> None:
    unknown: Any = Unfinished()
    with pytest.raises(AssertionError):
        read_ask(unknown, "latest")
