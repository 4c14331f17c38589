"""The strict reader: every mistake names the key, the value, the allowed values and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from monitor.errors import OperatorError
from monitor.settings.reader import length_s, read


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    size: int
    ratio: float = 0.5


@dataclass(frozen=True)
class Outer:
    name: str = "x"
    wait_s: float = 1.0
    maybe_s: float | None = None
    on: bool = False
    colour: Colour = Colour.RED
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    waits: Mapping[str, float] = field(default_factory=dict)
    free: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name == "bad":
            raise ValueError("any name but bad")


def test_a_complete_tree_is_read() -> None:
    tree = {
        "name": "a",
        "wait_s": "250ms",
        "maybe_s": 3,
        "on": True,
        "colour": "blue",
        "inner": {"size": 3},
        "many": [{"size": 1, "ratio": 1}],
        "waits": {"x": 2.5},
        "free": {"y": [1]},
    }

    assert read(Outer, tree) == Outer(
        "a", 0.25, 3.0, True, Colour.BLUE, Inner(3), (Inner(1, 1.0),), {"x": 2.5}, {"y": [1]}
    )


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"nam": "a"}, ["nam", "did you mean 'name'"]),
        ({"name": 3}, ["name", "3", "text"]),
        ({"name": "bad"}, ["settings", "any name but bad"]),
        ({"wait_s": "5 parsecs"}, ["wait_s", "5 parsecs", '"250ms"']),
        ({"wait_s": -1}, ["wait_s", "-1"]),
        ({"wait_s": True}, ["wait_s", "True"]),
        ({"on": 1}, ["on", "true or false"]),
        ({"colour": "green"}, ["colour", "green", "red, blue"]),
        ({"inner": 4}, ["inner", "a table with keys size, ratio"]),
        ({"inner": {}}, ["inner.size", "a whole number", "must be given"]),
        ({"inner": {"size": True}}, ["inner.size", "a whole number"]),
        ({"inner": {"size": 1, "ratio": "much"}}, ["inner.ratio", "much", "a number"]),
        ({"many": {"size": 1}}, ["many", "a list"]),
        ({"many": [{"size": 1, "weight": 2}]}, ["many[0].weight"]),
        ({"free": 1}, ["free"]),
    ],
)
def test_a_mistake_is_reported_in_one_line(tree: Mapping[str, Any], words: list[str]) -> None:
    with pytest.raises(OperatorError) as caught:
        read(Outer, tree)

    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize(("given", "seconds"), [("1.5s", 1.5), ("2m", 120), ("1h", 3600), ("7d", 604800), (4, 4)])
def test_durations_accept_units(given: object, seconds: float) -> None:
    assert length_s("k", given) == seconds
