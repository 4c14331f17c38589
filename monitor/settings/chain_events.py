"""Declares and checks events on chain of the operator's own: `[[networks.NAME.events]]`, and what a chain watches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from chain.blocks.event_signature import Argument, EventSignature, event_signature
from chain.events import Address
from chain.watch import EventCondition, WatchedEvent
from monitor.errors import Mistakes, OperatorError, nearest
from monitor.incidents import Leg

MAX_EVENTS = 64
MAX_ADDRESSES = 64
MAX_CONDITIONS = 8
MAX_NUMBER = 1 << 256
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2}){1,32}")
_LEGS = [leg.value for leg in Leg]
_NUMBER = "a whole number in the smallest unit, such as 1000, 1e18 or 0x3e8"

CheckAddress = Callable[[str, str], None]
"""Checks an address: the key to name, the address. Raises OperatorError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRef:
    """What one argument (by name, or by number from 1 on) must be: equal to a value, or a number above or below another."""

    argument: str
    equals: str | None = None
    above: str | None = None
    below: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRef:
    """One event: its signature, the contracts that write it, its conditions, and what it is evidence of.

    `leg` is liquidation, venue, migration or fragility; `grade` 1 to 4. `assets` are those that it speaks of; none named: those
    that name one of the addresses, else all.
    """

    name: str
    signature: str
    addresses: tuple[str, ...]
    leg: str
    grade: int = 1
    assets: tuple[str, ...] = ()
    where: tuple[ConditionRef, ...] = ()


def check_events(
    network: str, events: Sequence[EventRef], assets: Mapping[str, object], check_address: CheckAddress
) -> None:
    """Check the events of one network; all mistakes are told at once. Raises OperatorError."""
    mistakes = Mistakes()
    key = f"networks.{network}.events"
    if len(events) > MAX_EVENTS:
        mistakes.add(OperatorError(key, len(events), f"at most {MAX_EVENTS} events", "take some out"))
    seen: set[str] = set()
    for index, one in enumerate(events):
        at = f"{key}[{index}]"
        if not _NAME.fullmatch(one.name) or one.name in seen:
            allowed = "a name of its own: a-z, 0-9, _ and -, at most 32 characters"
            mistakes.add(OperatorError(f"{at}.name", one.name, allowed, "rename it"))
        seen.add(one.name)
        for mistake in _mistakes(at, one, assets):
            mistakes.add(mistake)
        for number, address in enumerate(one.addresses):
            with mistakes:
                check_address(f"{at}.addresses[{number}]", address)
        with mistakes:
            _conditions(at, one, event_signature_at(f"{at}.signature", one.signature))
    mistakes.tell()


def _mistakes(at: str, one: EventRef, assets: Mapping[str, object]) -> Iterator[OperatorError]:
    if not 1 <= len(one.addresses) <= MAX_ADDRESSES:
        yield OperatorError(
            f"{at}.addresses", len(one.addresses), f"1 to {MAX_ADDRESSES} addresses", "name who writes it"
        )
    if one.leg not in _LEGS:
        yield OperatorError(f"{at}.leg", one.leg, ", ".join(_LEGS), nearest(one.leg, _LEGS))
    if not 1 <= one.grade <= 4:
        yield OperatorError(f"{at}.grade", one.grade, "1 to 4", "1 is once an hour by chance, 4 once a quarter")
    for asset in one.assets:
        if asset not in assets:
            allowed = ", ".join(assets) or "(none is configured)"
            yield OperatorError(f"{at}.assets", asset, allowed, nearest(asset, list(assets)))
    if len(one.where) > MAX_CONDITIONS:
        yield OperatorError(f"{at}.where", len(one.where), f"at most {MAX_CONDITIONS} conditions", "take some out")


def event_signature_at(key: str, text: str) -> EventSignature:
    """The signature in a key. Raises OperatorError."""
    try:
        return event_signature(text)
    except ValueError as error:
        raise OperatorError(key, text, str(error), "write it as in the contract's source") from None


def watched_events(network: str, events: Sequence[EventRef]) -> tuple[WatchedEvent, ...]:
    """What the chain watches for these events. Raises OperatorError."""
    found = []
    for index, one in enumerate(events):
        at = f"networks.{network}.events[{index}]"
        signature = event_signature_at(f"{at}.signature", one.signature)
        addresses = tuple(Address(address.lower()) for address in one.addresses)
        found.append(
            WatchedEvent(
                name=one.name, signature=one.signature, addresses=addresses, conditions=_conditions(at, one, signature)
            )
        )
    return tuple(found)


def _conditions(at: str, one: EventRef, signature: EventSignature) -> tuple[EventCondition, ...]:
    mistakes = Mistakes()
    found = []
    for index, condition in enumerate(one.where):
        with mistakes:
            found.append(_condition(f"{at}.where[{index}]", condition, signature))
    mistakes.tell()
    return tuple(found)


def _condition(at: str, one: ConditionRef, signature: EventSignature) -> EventCondition:
    position = signature.position(one.argument)
    if position is None:
        known = [argument.name or str(number) for number, argument in enumerate(signature.arguments, 1)]
        allowed = ", ".join(known) or "none: this event has no arguments"
        raise OperatorError(f"{at}.argument", one.argument, allowed, nearest(one.argument, known))
    argument = signature.arguments[position]
    if not argument.plain:
        raise OperatorError(
            f"{at}.argument", one.argument, "an argument of one word", "texts, bytes and lists are not read"
        )
    if one.equals is None and one.above is None and one.below is None:
        raise OperatorError(at, one.argument, "at least one of equals, above and below", "give one, or take it out")
    bounds = {"above": one.above, "below": one.below}
    if not argument.number and (given := [name for name, bound in bounds.items() if bound is not None]):
        raise OperatorError(f"{at}.{given[0]}", bounds[given[0]], f"equals, for {argument.type}", "write equals")
    numbers = {name: None if text is None else _number(f"{at}.{name}", text) for name, text in bounds.items()}
    equals = None if one.equals is None else _equals(f"{at}.equals", one.equals, argument)
    return EventCondition(argument=position, equals=equals, **numbers)


def _equals(key: str, text: str, argument: Argument) -> str | int:
    if argument.number:
        return _number(key, text)
    if argument.type == "bool":
        if text not in ("true", "false"):
            raise OperatorError(key, text, "true or false, as text", "correct it")
        return int(text == "true")
    size = 20 if argument.type == "address" else int(argument.type[5:])
    if not _HEX.fullmatch(text) or len(text) != 2 + 2 * size:
        raise OperatorError(key, text, f"0x and {2 * size} hexadecimal digits", "correct it")
    return text.lower()


def _number(key: str, text: str) -> int:
    try:
        found = int(text, 16) if text.lower().startswith(("0x", "-0x")) else _whole(text)
    except (ValueError, InvalidOperation):
        found = MAX_NUMBER
    if len(text) > 80 or not -MAX_NUMBER < found < MAX_NUMBER:
        raise OperatorError(key, text[:80], _NUMBER, "correct it")
    return found


def _whole(text: str) -> int:
    number = Decimal(text)
    if not number.is_finite() or number.adjusted() > 80 or number != number.to_integral_value():
        raise ValueError(text)
    return int(number)
