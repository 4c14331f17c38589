"""Says what is known of an asset in keys that last: grave findings, and sources that are blind. Pure text.

A key that an incident has not reported yet is news, also where its level stands. Findings of a contract or a pool are reported
each, of all others each name and grade: the twentieth venue with the same trouble is no news.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.incidents import Blindness, Evidence, Leg

GRAVE = 3
"""Grades from here on: by chance once a week at most."""
MAX_NEWS = 6


def known_of(evidence: Iterable[Evidence], blind: Iterable[Blindness]) -> dict[str, str]:
    """Key to words."""
    known: dict[str, str] = {}
    for one in evidence:
        if one.grade >= GRAVE and one.leg is not Leg.FRAGILITY:
            what = one.id if one.subject.contract or one.subject.pool else one.name
            known.setdefault(f"{one.leg} {what} {one.grade}", f"{one.said} since {one.onset:%H:%M:%S}")
    for gone in blind:
        known.setdefault(f"blind {gone.source}", f"{gone.source} is blind ({gone.reason})")
    return known


def news_of(news: Iterable[str], known: dict[str, str]) -> tuple[str, ...]:
    """The words of these keys in order of key, at most `MAX_NEWS`, and how many more."""
    words = [known[key] for key in sorted(news) if key in known]
    more = (f"and {len(words) - MAX_NEWS} more",) if len(words) > MAX_NEWS else ()
    return (*words[:MAX_NEWS], *more)
