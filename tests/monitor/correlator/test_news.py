"""News of an incident: what became known is told once, also where the level stands, and at most once a minute."""

from __future__ import annotations

from dataclasses import replace

from monitor.alerting.sink import note_of
from monitor.correlator.episodes import MAX_TOLD, NEWS_EVERY_S, Episode, Observation
from monitor.correlator.knowledge import MAX_NEWS, known_of, news_of
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Blindness, ChangeKind, Leg, Level
from monitor.signals import Subject
from tests.monitor.correlator.storm import DRILL, Story, at, run_log
from tests.monitor.correlator.test_parts import evidence

SECONDS = range(1, 400)


def told_at(episode: Episode, observations: dict[int, frozenset[str]]) -> dict[int, frozenset[str]]:
    """Let an open incident go on, second by second, with what is known from each of these seconds on; the updates' news."""
    known: frozenset[str] = frozenset()
    found = {}
    for second in SECONDS:
        known = observations.get(second, known)
        observed = Observation(now_s=float(second), level=Level.SQUALL, p_hi=0.9, at_once=True, known=known)
        if episode.step(observed) is ChangeKind.UPDATED:
            found[second] = episode.news
    return found


def opened() -> Episode:
    episode = Episode("asset:BTC", CorrelatorSettings())
    first = Observation(now_s=0.0, level=Level.SQUALL, p_hi=0.9, at_once=True, known=frozenset({"a"}))
    assert episode.step(first) is ChangeKind.OPENED
    assert episode.news == frozenset()  # an incident that opens tells all
    return episode


def test_what_becomes_known_is_told_together_and_at_most_once_a_minute() -> None:
    keys = [frozenset({"a"}), frozenset("ab"), frozenset("abc"), frozenset("abcd")]
    news = told_at(opened(), {1: keys[0], 20: keys[1], 40: keys[2], 90: keys[3]})
    assert news == {60: frozenset("bc"), 120: frozenset("d")}
    assert NEWS_EVERY_S == 60


def test_what_was_told_before_or_goes_away_or_lasts_a_second_is_no_news() -> None:
    away, back = frozenset[str](), frozenset({"a"})
    assert told_at(opened(), {1: back, 100: away, 150: back, 200: back | {"b"}, 201: back}) == {}


def test_news_of_one_incident_is_bounded() -> None:
    many = frozenset(str(number) for number in range(MAX_TOLD))
    news = told_at(opened(), {1: many, 100: many | {"one more"}})
    assert list(news) == [60]


def test_a_finding_of_grade_three_is_known_by_name_and_of_a_pool_by_itself() -> None:
    found = replace(evidence("down", leg=Leg.VENUE), grade=3)
    venues = [replace(found, id=f"down:{one}", said=one) for one in ("v", "w")]
    pools = [
        replace(found, id=f"drain:{one}", leg=Leg.MIGRATION, grade=4, said=one, subject=Subject(pool=one))
        for one in ("p", "q")
    ]
    context = replace(found, leg=Leg.FRAGILITY)
    blind = Blindness(source="v/x", leg=Leg.VENUE, coverage=0.0, since=at(0), reason="closed")
    known = known_of([*venues, *pools, context, evidence("mild")], [blind, blind])
    assert list(known) == ["venue down 3", "migration drain:p 4", "migration drain:q 4", "blind v/x"]
    assert news_of(known, known) == (
        "v/x is blind (closed)",
        *(f"{one} since 12:00:00" for one in ("p", "q", "v")),
    )
    many = {f"k{number}": str(number) for number in range(MAX_NEWS + 2)}
    assert news_of([*many, "gone"], many) == (*(str(number) for number in range(MAX_NEWS)), "and 2 more")


def test_most_of_a_pool_that_leaves_later_is_told_though_the_level_stands() -> None:
    story = Story(150).surge(40, 150).trouble(40, 150).upgrade(42)
    story.upgrade(60, "upgrade-2").upgrade(80, "upgrade-3").upgrade(100, "upgrade-4").upgrade(120, "upgrade-5")
    calm = run_log(story.signals(), DRILL).of()
    told_so = run_log(story.migrate(60, 0.7).signals(), DRILL).of()
    assert {one.level for one in told_so} >= {Level.PERFECT_STORM}
    assert not [one for one in calm if any("70% of pool" in word for word in one.news)]
    [update] = [one for one in told_so if any("70% of pool" in word for word in one.news)]
    assert update.kind is ChangeKind.UPDATED
    assert update.level is Level.PERFECT_STORM
    assert not update.pages
    assert any(
        line.startswith("new: ") and "70% of pool" in line for line in note_of(update, Level.WATCH).text.split("\n")
    )


def test_a_feed_that_goes_blind_in_a_storm_is_told_once_though_the_leg_is_still_seen() -> None:
    story = Story(200).surge(40, 200).trouble(40, 200).upgrade(42).mute(70, 200, "alpha/liquidation")
    for second in range(60, 200, 20):
        story.upgrade(second, f"upgrade-{second}")
    changes = run_log(story.signals(), DRILL).of()
    blind = [one for one in changes if any(word.startswith("alpha/liquidation is blind") for word in one.news)]
    assert [one.kind for one in blind] == [ChangeKind.UPDATED]


def test_a_restarted_program_tells_no_old_news_again() -> None:
    before = Story(150).surge(40, 150).trouble(40, 150).upgrade(42).upgrade(100, "upgrade-2").migrate(60, 0.7)
    last = run_log(before.signals(), DRILL).of()[-1]
    assert known_of(last.evidence, last.blind)
    episode = Episode("asset:BTC", DRILL)
    episode.adopt(last)
    again = Observation(
        now_s=last.at.timestamp() + 100,
        level=last.level,
        p_hi=0.9,
        true=frozenset(Leg),
        critical=last.critical,
        known=frozenset(known_of(last.evidence, last.blind)),
    )
    kinds = [episode.step(replace(again, now_s=again.now_s + second)) for second in range(5)]
    assert episode.news == frozenset()
    assert kinds.count(ChangeKind.UPDATED) == 0
