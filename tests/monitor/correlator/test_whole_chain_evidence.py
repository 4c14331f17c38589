"""Every field of the evidence that chain events make, and the bounds of what is remembered about them."""

from __future__ import annotations

import pytest

from monitor.incidents import Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import CONTRACT, TOKEN, LoneProducer, moment

NEW_CODE = "0x" + "22" * 20
LINK = "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331"
REMEMBERED = 512


def chain_evidence(name: str, event_id: str, grade: int, said: str, links: tuple[str, ...]) -> Evidence:
    """Evidence of the migration leg about `TOKEN` that began and was found in second 10."""
    far_per_day = {1: 24.0, 2: 1.0, 3: 1 / 7, 4: 1 / 91}[grade]
    return Evidence(
        id=f"{name}:BTC:{CONTRACT}:{event_id}",
        leg=Leg.MIGRATION,
        name=name,
        subject=TOKEN,
        grade=grade,
        weight=float(grade),
        half_life_s=21_600.0,
        onset=moment(10),
        at=moment(10),
        value=1.0,
        normal=0.0,
        unit="1",
        far_per_day=far_per_day,
        said=said,
        links=links,
        shared=False,
    )


def upgrade(lone: LoneProducer, event_id: str = "u1", **attributes: Scalar) -> None:
    """An upgrade of the contract in second 10."""
    every: dict[str, Scalar] = {
        "event_id": event_id,
        "proxy_kind": "eip1967",
        "role": "implementation",
        "new": NEW_CODE,
        "seen_by": "log",
    }
    lone.send(SignalKind.UPGRADE, 10, 1.0, TOKEN, every | attributes)


def queue(lone: LoneProducer, second: float, eta_s: float) -> None:
    """An upgrade is queued that may run from `eta_s` on."""
    attributes: dict[str, Scalar] = {"event_id": "q1", "operation": "op1", "new": None}
    lone.send(SignalKind.UPGRADE_QUEUED, second, moment(eta_s).timestamp(), TOKEN, attributes)


@pytest.mark.parametrize(("link", "links"), [(LINK, (LINK,)), (None, ())])
def test_an_executed_upgrade_is_described_in_full(link: str | None, links: tuple[str, ...]) -> None:
    lone = LoneProducer("upgrades")
    lone.link = link
    upgrade(lone)
    said = "eip1967 0x1111…1111: implementation changed to 0x2222…2222 (by event)"
    assert lone.only() == chain_evidence("upgrade", "u1", 3, said, links)


@pytest.mark.parametrize(
    ("attributes", "grade", "how"),
    [
        ({"seen_by": "log"}, 3, "by event"),
        ({"seen_by": "slot"}, 4, "silently, no event"),
        ({"seen_by": "code"}, 4, "silently, no event"),
        ({"seen_by": "trace", "queued": False}, 4, "silently, no event"),
        ({"seen_by": "slot", "proxy_kind": "custom"}, 3, "found by its behaviour"),
        ({"seen_by": "behaviour"}, 3, "found by its behaviour"),
        ({"seen_by": "behaviour", "queued": False}, 4, "around its timelock"),
        ({"seen_by": "log", "queued": False}, 4, "around its timelock"),
        ({"seen_by": "log", "queued": True}, 3, "by event"),
        ({"seen_by": "log", "role": "admin"}, 2, "by event"),
    ],
)
def test_an_upgrade_says_how_it_was_done(attributes: dict[str, Scalar], grade: int, how: str) -> None:
    lone = LoneProducer("upgrades")
    upgrade(lone, "u1", **attributes)
    assert lone.only().grade == grade
    assert lone.only().said.endswith(f" ({how})")


@pytest.mark.parametrize(("second", "grade"), [(3599, 1), (3600, 2)])
def test_a_queued_upgrade_is_described_in_full_and_rises_one_hour_before_its_time(second: int, grade: int) -> None:
    lone = LoneProducer("upgrades")
    queue(lone, 5, 7200)
    lone.complete(second)
    assert lone.only() == Evidence(
        id=f"upgrade_queued:BTC:{CONTRACT}:op1",
        leg=Leg.MIGRATION,
        name="upgrade_queued",
        subject=TOKEN,
        grade=grade,
        weight=float(grade),
        half_life_s=21_600.0,
        onset=moment(5),
        at=moment(second),
        value=7200.0 - second,
        normal=None,
        unit="s until eta",
        far_per_day={1: 24.0, 2: 1.0}[grade],
        said="upgrade of 0x1111…1111 to unknown code is queued",
        links=(),
        shared=False,
    )


def test_a_queued_upgrade_is_renewed_each_whole_minute() -> None:
    lone = LoneProducer("upgrades")
    queue(lone, 0, 7200)
    renewed = []
    for second in (1, 2, 59, 60, 61, 119, 120):
        lone.complete(second)
        renewed.append((lone.only().at - moment(0)).total_seconds())
    assert renewed == [1, 1, 1, 60, 60, 60, 120]


def test_exactly_512_upgrades_are_remembered() -> None:
    lone = LoneProducer("upgrades")
    for number in range(REMEMBERED + 1):
        upgrade(lone, f"u{number}")
    lone.send(SignalKind.RETRACTION, 11, 1.0, TOKEN, {"retracts": "u0"})
    assert lone.active.retracted == []
    lone.send(SignalKind.RETRACTION, 11, 1.0, TOKEN, {"retracts": "u1"})
    assert [one.id for one in lone.active.retracted] == [f"upgrade:BTC:{CONTRACT}:u1"]


def mismatch(lone: LoneProducer, contract: str = CONTRACT, event_id: str = "b1", **attributes: Scalar) -> None:
    """A contract runs other code than it names."""
    every: dict[str, Scalar] = {
        "event_id": event_id,
        "claimed": f"{NEW_CODE}, second",
        "actual": "0x" + "33" * 20,
        "probed_by": "call",
    }
    subject = Subject(asset="BTC", network="ethereum", contract=contract)
    lone.send(SignalKind.BEHAVIOUR_MISMATCH, 10, 1.0, subject, every | attributes)


@pytest.mark.parametrize(("link", "links"), [(LINK, (LINK,)), (None, ())])
def test_a_mismatch_of_behaviour_is_described_in_full(link: str | None, links: tuple[str, ...]) -> None:
    lone = LoneProducer("behaviour")
    lone.link = link
    mismatch(lone)
    said = "0x1111…1111 names 0x2222…2222 and runs 0x3333…3333 (by call)"
    found = lone.only()
    assert (found.unit, found.value) == ("probes", 1.0)
    assert (found.said, found.links, found.grade, found.weight) == (said, links, 4, 4.0)
    assert (found.half_life_s, found.normal, found.onset, found.at) == (21_600.0, 0.0, moment(10), moment(10))


@pytest.mark.parametrize(("contracts", "left"), [(REMEMBERED, REMEMBERED - 1), (REMEMBERED + 1, REMEMBERED + 1)])
def test_exactly_512_mismatches_can_still_end(contracts: int, left: int) -> None:
    lone = LoneProducer("behaviour")
    for number in range(contracts):
        mismatch(lone, f"0x{number:040x}", f"b{number}")
    mismatch(lone, f"0x{0:040x}", "end", ended=True)
    assert len(lone.evidence) == left


def control(lone: LoneProducer, event_id: str = "c1", **attributes: Scalar) -> None:
    """The owner of the contract changes."""
    every: dict[str, Scalar] = {"event_id": event_id, "change": "owner", "old": "0xa", "new": "0xb"}
    lone.send(SignalKind.CONTROL_CHANGED, 10, 1.0, TOKEN, every | attributes)


@pytest.mark.parametrize(("link", "links"), [(LINK, (LINK,)), (None, ())])
def test_a_change_of_control_is_described_in_full(link: str | None, links: tuple[str, ...]) -> None:
    lone = LoneProducer("control")
    lone.link = link
    control(lone)
    assert lone.only() == chain_evidence("control", "c1", 2, f"{CONTRACT}: owner from 0xa to 0xb", links)


def test_exactly_512_changes_of_control_can_be_retracted() -> None:
    lone = LoneProducer("control")
    for number in range(REMEMBERED + 1):
        control(lone, f"c{number}")
    lone.send(SignalKind.RETRACTION, 11, 1.0, TOKEN, {"retracts": "c0"})
    assert lone.active.retracted == []
    lone.send(SignalKind.RETRACTION, 11, 1.0, TOKEN, {"retracts": "c1"})
    assert len(lone.active.retracted) == 1


@pytest.mark.parametrize(
    ("attributes", "grade"),
    [
        ({"change": "delay", "old": "1", "new": "0"}, 3),
        ({"change": "delay", "old": None, "new": "0"}, 1),
        ({"change": "delay", "old": "5", "new": "5"}, 1),
        ({"change": "initialized", "old": None, "new": "1"}, 1),
        ({"change": "initialized", "old": None, "new": "2"}, 2),
    ],
)
def test_a_shorter_delay_and_a_second_initialization_are_graver(attributes: dict[str, Scalar], grade: int) -> None:
    lone = LoneProducer("control")
    control(lone, "c1", **attributes)
    assert lone.only().grade == grade


def test_a_retracted_mismatch_was_never_true_and_an_ended_one_was() -> None:
    lone = LoneProducer("behaviour")
    mismatch(lone)
    mismatch(lone, event_id="end", ended=True)
    assert (lone.evidence, lone.active.retracted) == ([], [])
    mismatch(lone, event_id="b2")
    found = lone.only()
    lone.send(SignalKind.RETRACTION, 11, 1.0, TOKEN, {"retracts": "b2"})
    assert (lone.evidence, lone.active.retracted) == ([], [found])
