"""Grades changes of control over an asset's contracts: who may change them, after which delay, and whether they are paused.

Grade 3: control left the known timelock, the delay fell, a multisig got a module that needs no signatures, transfers are paused,
the contract passes all calls on to a successor, or its manager closed it. Grade 2: owner, admin, guard, signers, threshold or an
admin's role changed, a contract in use was initialised again, trading in a token was closed, one action was paused, or a price
feed has another source. Grade 1: announcements, lesser roles, a first initialisation, a longer delay. A change without a log is
one grade higher: honest contracts log such changes, except for those that usually have no log. The end of a stop withdraws its
evidence, and a reorg that undoes a change
withdraws the change's (docs/proxies.md, "Silent changes" and "Timelocks").
"""

from __future__ import annotations

from collections.abc import Mapping

from chain.control.roles import MAX_NUMBER, name_of
from chain.events import ControlChange
from monitor.correlator.producer import EventFindings, EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject

MAX_CHANGES = 512
_Stop = tuple[str, str, str]
ENDS = {
    ControlChange.UNPAUSED: ControlChange.PAUSED,
    ControlChange.TRADING_OPENED: ControlChange.TRADING_CLOSED,
    ControlChange.ACTION_RESUMED: ControlChange.ACTION_PAUSED,
    ControlChange.TARGET_OPENED: ControlChange.TARGET_CLOSED,
}
"""What ends a stop, and the stop."""
UNSAID = frozenset({ControlChange.TRADING_CLOSED, ControlChange.AGGREGATOR, ControlChange.AGGREGATOR_PENDING})
"""Changes that usually have no log: tokens' trading switches, and the feeds of Chainlink's older proxies."""
ACTIONS = frozenset({ControlChange.ACTION_PAUSED, ControlChange.ACTION_RESUMED})

GRAVEST = frozenset(
    {
        ControlChange.MODULE_ENABLED,
        ControlChange.PAUSED,
        ControlChange.DEPRECATED,
        ControlChange.TARGET_CLOSED,
    }
)
GRAVE = frozenset(
    {
        ControlChange.OWNER,
        ControlChange.ADMIN,
        ControlChange.ROLE_ADMIN,
        ControlChange.SIGNER_ADDED,
        ControlChange.SIGNER_REMOVED,
        ControlChange.THRESHOLD,
        ControlChange.GUARD,
        ControlChange.FALLBACK,
        ControlChange.TRADING_CLOSED,
        ControlChange.ACTION_PAUSED,
        ControlChange.AGGREGATOR,
    }
)
STRONG = frozenset({"DEFAULT_ADMIN_ROLE", "UPGRADER_ROLE", "MINTER_ROLE", "PROPOSER_ROLE", "TIMELOCK_ADMIN_ROLE"})
"""Roles whose holder can change or inflate everything."""


class ControlEvidence:
    """Changes of control, each active until it has faded."""

    kinds = frozenset({SignalKind.CONTROL_CHANGED, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._findings = EventFindings(board, MAX_CHANGES)
        self._stopped: dict[_Stop, str] = {}  # (asset, contract, what was stopped) -> event id

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a change of control, or its retraction."""
        asset = signal.subject.asset
        if asset is None:
            return
        if signal.kind is SignalKind.RETRACTION:
            self._findings.retract(signal, asset)
            return
        change = ControlChange(str(signal.attributes.get("change")))
        what = str(signal.attributes.get("new")) if change in ACTIONS else ""
        if change in ENDS:
            stopped = (asset, signal.subject.contract or "", ENDS[change] + what)
            self._findings.withdraw(self._stopped.pop(stopped, ""), asset)
            return
        event_id = str(signal.attributes.get("event_id", ""))
        if change in ENDS.values():
            self._stopped[asset, signal.subject.contract or "", change + what] = event_id
            _limit(self._stopped)
        self._put(signal, change, asset, event_id, at_s)

    def _put(self, signal: Signal, change: ControlChange, asset: str, event_id: str, at_s: float) -> None:
        subject = Subject(asset=asset, network=signal.subject.network, contract=signal.subject.contract)
        self._findings.put(
            event_id,
            asset,
            Finding(
                name="control",
                leg=Leg.MIGRATION,
                subject=subject,
                key=event_id,
                grade=grade_of(change, signal.attributes),
                onset_s=at_s,
                at_s=at_s,
                half_life_s=self._board.settings.upgrade_half_life_s,
                value=1.0,
                normal=0.0,
                unit="1",
                said=words_of(change, signal),
                links=[signal.link] if signal.link else [],
            ),
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


def grade_of(change: ControlChange, attributes: Mapping[str, Scalar]) -> int:
    """The grade of a change, 1 to 3. A change under grade 3 that no log reported gets one more."""
    shorter = change is ControlChange.DELAY and (_figure(attributes.get("new")) or 0) < (
        _figure(attributes.get("old")) or 0
    )
    if attributes.get("escaped") is True or change in GRAVEST or shorter:
        return 3
    role = _role(attributes.get("role"))
    strong = change is ControlChange.ROLE_GRANTED and role in STRONG
    again = change is ControlChange.INITIALIZED and (_figure(attributes.get("new")) or 0) > 1
    grade = 2 if change in GRAVE or strong or again else 1
    return grade + (attributes.get("seen_by") == "state" and change not in UNSAID)


def words_of(change: ControlChange, signal: Signal) -> str:
    """The change in words."""
    attributes = signal.attributes
    role = attributes.get("role")
    parts = [
        f"{signal.subject.contract}: {change.value.replace('_', ' ')}",
        _role(role) if role else "",
        str(attributes["account"]) if attributes.get("account") else "",
        f"from {attributes['old']}" if attributes.get("old") else "",
        f"to {attributes['new']}" if attributes.get("new") else "",
        "(left its timelock)" if attributes.get("escaped") is True else "",
        "without a log" if attributes.get("seen_by") == "state" else "",
        f"(told by {attributes['emitter']})"
        if attributes.get("emitter") not in (None, signal.subject.contract)
        else "",
    ]
    return " ".join(part for part in parts if part)


def _role(role: Scalar) -> str:
    """A role's name; a small number is a role of an AccessManager."""
    number = int(str(role), 16) if role else 0
    return name_of(str(role), manager=0 < number <= MAX_NUMBER) if role else ""


def _figure(value: Scalar) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None


def _limit(entries: dict[_Stop, str]) -> None:
    while len(entries) > MAX_CHANGES:
        del entries[next(iter(entries))]


PRODUCER = ControlEvidence
