"""What `stormwatch incidents list` refuses before it opens the store."""

from __future__ import annotations

import pytest

from monitor.cli.commands.incidents import list_incidents
from monitor.cli.shared import parse_zoned
from monitor.errors import OperatorError


@pytest.mark.parametrize(
    ("given", "key", "said"),
    [
        ({"since": "2026-11-24T01:30:00"}, "--since", "write 2026-11-24T01:30:00Z for UTC"),
        ({"until": "2026-11-24"}, "--until", "zone"),
        ({"until": "yesterday"}, "--until", "2026-11-24T01:30:00Z"),
        ({"since": "2026-11-24T02:00Z", "until": "2026-11-24T01:00Z"}, "--until", "after --since"),
        ({"level": "squal"}, "--level", "squall"),
        ({"state": "closed"}, "--state", "ended_unknown"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_is_allowed(given: dict[str, str], key: str, said: str) -> None:
    with pytest.raises(OperatorError) as caught:
        list_incidents(**given)  # type: ignore[arg-type]  # only texts are given

    assert caught.value.key == key
    assert said in str(caught.value)


def test_a_time_with_its_zone_is_taken() -> None:
    at = parse_zoned("--since", "2026-11-24T10:30:00+09:00")

    assert at is not None
    assert at.isoformat() == "2026-11-24T01:30:00+00:00"
    assert parse_zoned("--since", "") is None
