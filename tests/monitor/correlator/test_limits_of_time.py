"""Small promises about time and state: microseconds, an episode about to open, paging again, images of another shape."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from monitor.correlator import NotAnImage
from monitor.correlator.active_evidence import utc
from monitor.correlator.episodes import Episode, Observation
from monitor.correlator.freezing import pack, unpack
from monitor.correlator.settings import CorrelatorSettings
from monitor.detect.failures import FailureBets
from monitor.incidents import LEGS, Level

SETTINGS = CorrelatorSettings(enter_ticks=3, merge_s=50, lower_ticks=4)
STORM = Observation(now_s=0.0, level=Level.PERFECT_STORM, p_hi=0.9, true=frozenset(LEGS), at_once=True)


def test_times_of_evidence_are_exact_to_the_microsecond() -> None:
    assert utc(1_772_452_800.123456).isoformat() == "2026-03-02T12:00:00.123456+00:00"


def test_an_episode_that_saw_one_second_of_stress_is_live() -> None:
    episode = Episode("asset:BTC", SETTINGS)
    seen = [(episode.live, episode.open)]
    episode.step(Observation(now_s=1.0, level=Level.WATCH, p_hi=0.9))
    seen.append((episode.live, episode.open))
    assert seen == [(False, False), (True, False)]


@pytest.mark.parametrize(("second", "pages"), [(1050, False), (1051, True)])
def test_a_level_reached_again_pages_when_the_merging_time_has_passed_since_the_last_page(
    second: int, *, pages: bool
) -> None:
    episode = Episode("asset:BTC", SETTINGS)
    episode.step(replace(STORM, now_s=1000.0))
    for later in range(1001, 1005):
        episode.step(replace(STORM, now_s=float(later), level=Level.SQUALL, true=frozenset(LEGS[:2])))
    levels = [episode.level]
    episode.step(replace(STORM, now_s=float(second)))
    levels.append(episode.level)
    assert levels == [Level.SQUALL, Level.PERFECT_STORM]
    assert episode.pages is pages


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"shape": ["other"]}, "FailureBets has another shape"),
        ({"module": "monitor.detect.level", "name": "exp"}, "exp has another shape"),
        ({"module": "monitor.correlator.evidence.venue_failures"}, "FailureBets has another shape"),
        ({"module": "collections", "name": "OrderedDict"}, "OrderedDict is no class of the correlator"),
        ({"fields": ["_allowed", "_wealth", "statistic", "extra"]}, "FailureBets has another shape"),
    ],
)
def test_an_image_of_another_class_or_shape_is_refused_with_its_name(changed: dict[str, object], words: str) -> None:
    form, classes, nodes, roots = msgspec.msgpack.decode(pack({"bets": FailureBets()}))
    record = dict(zip(("module", "name", "fields", "shape"), classes[0], strict=True)) | changed
    image = msgspec.msgpack.encode([form, [list(record.values())], nodes, roots])
    with pytest.raises(NotAnImage, match=words):
        unpack(image)
