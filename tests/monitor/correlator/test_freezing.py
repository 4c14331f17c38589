"""Tests of save and restore: a correlator saved at any signal and restored in a new object continues as if it had not stopped."""

from __future__ import annotations

from collections import deque
from datetime import timedelta, timezone
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.correlator import Correlator, NotAnImage
from monitor.correlator.freezing import FORMAT, pack, unpack
from monitor.detect.failures import FailureBets
from monitor.incidents import IncidentChange, Leg, Level
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import DRILL, Story, at, run_log
from tests.monitor.correlator.test_determinism import LOG, OUTCOME


@pytest.mark.thorough
@given(st.lists(st.integers(0, len(LOG)), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_a_log_with_saves_and_restores_at_any_signal_has_the_same_digest(stops: list[int]) -> None:
    correlator = Correlator(DRILL)
    changes: list[IncidentChange] = []
    for index, signal in enumerate(LOG):
        for _ in range(stops.count(index)):
            correlator = Correlator.thaw(correlator.freeze())
        changes += correlator.on_signal(signal)
    correlator = Correlator.thaw(correlator.freeze())
    changes += correlator.finish()
    assert correlator.digest() == OUTCOME.correlator.digest()
    assert changes == OUTCOME.changes
    assert correlator.verdicts() == OUTCOME.correlator.verdicts()
    assert correlator.open_incidents() == OUTCOME.correlator.open_incidents()
    assert correlator.settings == DRILL


def test_a_restored_correlator_saves_the_same_image() -> None:
    correlator = Correlator(DRILL)
    for signal in LOG[: len(LOG) // 2]:
        correlator.on_signal(signal)
    image = correlator.freeze()
    assert Correlator.thaw(image).freeze() == image


def test_restoring_an_image_leaves_the_saved_correlator_unchanged() -> None:
    half = len(LOG) // 2
    first = Correlator(DRILL)
    for signal in LOG[:half]:
        first.on_signal(signal)
    second = Correlator.thaw(first.freeze())
    for correlator in (first, second):
        for signal in LOG[half:]:
            correlator.on_signal(signal)
        correlator.finish()
        assert correlator.digest() == OUTCOME.correlator.digest()


@pytest.mark.slow
def test_the_saved_image_does_not_grow_with_the_length_of_a_log() -> None:
    sizes = [len(run_log(Story(lasts_s).signals(), DRILL).correlator.freeze()) for lasts_s in (900, 2700)]
    assert sizes[1] < 1.1 * sizes[0]
    assert sizes[1] < 1_000_000


def test_every_plain_value_is_restored_and_a_shared_object_stays_shared() -> None:
    shared = ["x"]
    values = {
        "numbers": [0, -1, 2**64, -(2**70), 0.1, float("inf"), float("-inf"), True, None],
        "times": (at(3.5), at(3.5).astimezone(timezone(timedelta(hours=2)))),
        "series": (deque([1, 2], maxlen=2), deque(["a"]), {"b", "a"}, frozenset({Leg.VENUE}), []),
        "places": {("a", Leg.VENUE): Level.SQUALL, "shared": shared},
        "said": Signal(SignalKind.TICK, Subject(), at(0), at(0), "clock", 1, 0.0, MappingProxyType({"a": 1})),
        "again": shared,
    }
    back = unpack(pack(values))
    assert back == values
    assert back["said"].attributes == {"a": 1}
    assert back["again"] is back["places"]["shared"]
    assert back["series"][0].maxlen == 2
    assert list(back["places"]) == list(values["places"])  # type: ignore[call-overload]
    assert [type(one) for one in back["numbers"]] == [type(one) for one in values["numbers"]]  # type: ignore[attr-defined]


def test_an_object_from_outside_the_correlator_cannot_be_saved() -> None:
    with pytest.raises(TypeError, match="Story cannot be frozen"):
        pack({"story": Story(1)})


def image_of(**changed: object) -> bytes:
    """An image of one object with parts of its class record replaced."""
    form, classes, nodes, roots = msgspec.msgpack.decode(pack({"bets": FailureBets()}))
    record = dict(zip(("module", "name", "fields", "shape"), classes[0], strict=True)) | changed
    return msgspec.msgpack.encode(
        [changed.get("form", form), [[record[key] for key in list(record)[:4]]], nodes, roots]
    )


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"format": FORMAT}),
        msgspec.msgpack.encode([FORMAT, [], [["tuple", [7]]], {}]),
        msgspec.msgpack.encode([FORMAT, [], [["object"]], {}]),
        image_of(form="stormwatch.correlator/0"),
        image_of(module="subprocess", name="Popen"),
        image_of(module="monitor.detect.nowhere"),
        image_of(name="Nothing"),
        image_of(module="monitor.correlator.evidence.liquidity", name="LiquidityEvidence"),
        image_of(name="annotations"),
        image_of(module="monitor.correlator.freezing", name="deque"),
        image_of(fields=["__class__"]),
        image_of(shape=["other"]),
        pack({"settings": DRILL}),
        pack({}),
    ],
)
def test_other_bytes_and_other_versions_are_refused(image: bytes) -> None:
    with pytest.raises(NotAnImage):
        Correlator.thaw(image)


def test_an_image_with_other_producers_is_refused() -> None:
    values = unpack(Correlator().freeze())
    values["_producers"].pop("liquidity")
    with pytest.raises(NotAnImage, match="other parts"):
        Correlator.thaw(pack(values))
