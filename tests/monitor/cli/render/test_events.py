"""Events of a chain as people read them: how grave, by whole addresses, roles and functions by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.events import Address, ChainEvent, ControlChange, ControlChanged, ControlSeen, LiquidityMigrated, TokenName
from chain.events.upgrades import SeenBy
from chain.inspection.inspect import Inspection
from monitor.cli.render.events import NAMES, event_lines, grade_of, upgraded_contracts, with_token_names
from monitor.cli.schemas import schema
from tests.monitor.cli.render.test_inspection import found
from tests.monitor.intake.test_chain import COMPARED, MIGRATED, NOW, PLACE, PROXY, UPGRADED

CONTROL = ControlChanged(
    place=PLACE, seen_at=NOW, event_id="c", contract=PROXY, emitter=PROXY, change=ControlChange.OWNER
)


def texts(event: ChainEvent) -> list[str]:
    return [f"{label} {text}".strip() for _, label, text in event_lines(event, {})]


def test_every_kind_of_event_has_a_name_for_people() -> None:
    kinds = {one["allOf"][1]["properties"]["kind"]["const"] for one in schema("chain-event")["oneOf"]}
    assert kinds == set(NAMES)


@pytest.mark.parametrize(
    ("event", "grade", "words"),
    [
        (UPGRADED, 3, "by event"),
        (replace(UPGRADED, seen_by=SeenBy.SLOT), 4, "silently"),
        (replace(UPGRADED, seen_by=SeenBy.CODE, old=None), 4, "from not known"),
        (replace(UPGRADED, seen_by=SeenBy.TRACE), 4, "silently, within the block"),
        (replace(UPGRADED, seen_by=SeenBy.BEHAVIOUR), 3, "as its behaviour shows"),
        (replace(UPGRADED, holder=Address("0x7")), 3, "held by 0x7"),
        (replace(UPGRADED, queued=False), 4, "timelock NOT announced there"),
        (replace(UPGRADED, queued=True, operation="0xop"), 3, "timelock announced as 0xop"),
        (replace(UPGRADED, gained=("0x8456cb59", "0x22222222")), 3, "gained pause(), 0x22222222"),
    ],
)
def test_an_upgrade_is_shown_with_its_grade_and_how_it_was_done(event: ChainEvent, grade: int, words: str) -> None:
    assert grade_of(event) == grade
    assert f"L{grade} upgrade" in texts(event)[0]
    assert any(words in one for one in texts(event)), texts(event)


def test_an_upgraded_contract_has_the_kind_that_its_inspection_names() -> None:
    known: dict[str, Inspection] = {UPGRADED.contract: found(kind="eip1967_transparent")}
    assert (2, "kind", "eip1967_transparent") in list(event_lines(UPGRADED, known))
    assert (2, "kind", UPGRADED.proxy_kind) in list(event_lines(UPGRADED, {}))
    assert upgraded_contracts([UPGRADED, COMPARED, UPGRADED]) == [UPGRADED.contract]


def test_what_an_upgrade_changed_is_shown_and_an_address_without_code_is_the_gravest() -> None:
    assert grade_of(COMPARED) == 0
    assert grade_of(replace(COMPARED, change=replace(COMPARED.change, new_size=0))) == 4
    assert f"contract {COMPARED.contract}" in texts(COMPARED)


def test_a_change_of_control_is_shown_with_roles_by_name_and_whole_addresses() -> None:
    granted = replace(
        CONTROL, change=ControlChange.ROLE_GRANTED, role=f"0x{0:064x}", account=Address("0x" + "a" * 40),
        emitter=Address("0x" + "b" * 40), escaped=True, seen_by=ControlSeen.STATE,
    )  # fmt: skip
    shown = texts(granted)
    for line in (
        "change role granted (left its timelock)", "role DEFAULT_ADMIN_ROLE", f"account 0x{'a' * 40}", f"told by 0x{'b' * 40}",
        "seen by its state: no log reported it",
    ):  # fmt: skip
        assert line in shown
    assert grade_of(replace(CONTROL, change=ControlChange.UNPAUSED)) == 0


def test_a_name_that_was_read_late_names_the_token_in_earlier_events_too() -> None:
    name = TokenName(token=MIGRATED.token, symbol="RIFT", decimals=18)
    early, late, other = with_token_names([MIGRATED, replace(MIGRATED, token_names=(name,)), UPGRADED])
    assert isinstance(early, LiquidityMigrated)
    assert early == late
    assert early.token_names == (name,)
    assert other is UPGRADED
