"""Asks what a run would depend on, once and together: venues' listings, nodes, targets, controls and the database.

What the settings name must answer, or it is a mistake. A venue's own public host may be away for a while: that is a warning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chain.nodes.web3_node import Web3Node, redacted
from chain.rpc.errors import NodeFailure
from chain.sync.settings import WatcherSettings
from monitor.cli.foresight import Foreseen
from monitor.errors import Mistakes, OperatorError, nearest
from monitor.settings.shown import origin
from monitor.settings.tree import Settings
from monitor.store.postgres import PostgresStore
from probes import venues
from probes.feeds.targets import ask_once
from probes.instruments import choose
from probes.prober import ProberSettings, probe_once
from probes.readings import Instrument, InstrumentsListed, RequestTimed
from probes.rest.http import USER_AGENT, get_once, session, tls_context, utc_now
from probes.rest.target import Target

ASK_S = 15.0
"""How long any of them may take; longer is no answer."""
MAX_BYTES = 1_000_000
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Answers:
    """What was found out. `listed` are the instruments of each venue that answered."""

    mistakes: list[OperatorError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    listed: dict[str, tuple[Instrument, ...]] = field(default_factory=dict)


async def ask(settings: Settings, foreseen: Foreseen, env: Mapping[str, str], mistakes: Mistakes) -> list[str]:
    """Ask everything at once. Adds the mistakes, and returns the warnings."""
    answers = Answers()
    questions: list[Coroutine[Any, Any, None]] = [
        *(_venue(name, one, answers) for name, one in foreseen.probers.items()),
        *(_node(f"networks.{name}.nodes[{at}]", url, one, answers)
          for name, one in foreseen.watchers.items() for at, url in enumerate(one.nodes)),
        *(_target(one, answers) for one in foreseen.targets),
        *(_control(name, url, answers) for name, url in settings.controls.targets.items()),
    ]  # fmt: skip
    if foreseen.own_database:
        questions.append(_database(settings, env, answers))
    await asyncio.gather(*questions)
    _judge_listings(foreseen, answers)
    for one in sorted(answers.mistakes, key=lambda mistake: mistake.key):
        mistakes.add(one)
    return sorted(answers.warnings)


async def _in_time(answer: Awaitable[Answer]) -> Answer | None:
    try:
        async with asyncio.timeout(ASK_S):
            return await answer
    except TimeoutError:
        return None


async def _venue(name: str, chosen: ProberSettings, answers: Answers) -> None:
    readings = await _in_time(probe_once(venues.declared(name), "instruments", chosen))
    listings = [one.instruments for one in readings or () if isinstance(one, InstrumentsListed)]
    if listings:
        answers.listed[name] = tuple(one for listing in listings for one in listing)
        return
    failed = [one for one in readings or () if isinstance(one, RequestTimed) and one.refusal is not None]
    why = f"{failed[0].refusal} {failed[0].detail}".strip() if failed else f"no answer in {ASK_S:g} s"
    if chosen.hosts:
        hosts = ", ".join(origin(one) for one in chosen.hosts.values())
        answers.mistakes.append(
            OperatorError(f"venues.{name}.hosts", hosts, "hosts that list instruments", f"{why}: correct them")
        )
    else:
        answers.warnings.append(f"venue {name} did not list its instruments: {why}")


async def _node(key: str, url: str, chosen: WatcherSettings, answers: Answers) -> None:
    node = Web3Node(url, chain_id=chosen.network.chain_id, timeout_s=min(chosen.timeout_s, ASK_S))
    try:
        if await _in_time(node.ask([("eth_blockNumber", [])])) is not None:
            return
        why = f"no answer in {ASK_S:g} s"
    except NodeFailure as error:
        why = str(error)
    finally:
        await node.close()
    allowed = f"a node of chain {chosen.network.chain_id} that answers"
    answers.mistakes.append(OperatorError(key, redacted(url), allowed, f"{why}: start it, or name another"))


async def _target(target: Target, answers: Answers) -> None:
    reading = await _in_time(ask_once(target))
    if reading is None or reading.refusal is not None:
        why = "no answer" if reading is None else f"{reading.refusal} {reading.detail}".strip()
        key = target.id.replace(":", "s.", 1)
        answers.mistakes.append(
            OperatorError(key, origin(target.url), "a target that gives a good answer", f"{why}: correct it")
        )


async def _control(name: str, url: str, answers: Answers) -> None:
    async with session(tls_context(), USER_AGENT) as client:
        got = await get_once(client, url, headers={}, timeout_s=ASK_S, max_bytes=MAX_BYTES, clock=utc_now)
    if got.refusal is not None and got.status is None:
        answers.warnings.append(f"control target {name} does not answer: {got.refusal} {got.detail}".strip())


async def _database(settings: Settings, env: Mapping[str, str], answers: Answers) -> None:
    try:
        await PostgresStore(settings.store, env).reach()
    except OperatorError as error:
        answers.mistakes.append(error)


def _judge_listings(foreseen: Foreseen, answers: Answers) -> None:
    """Find the assets and symbols that a venue does not list. An asset that no venue lists is a mistake."""
    for name, listed in answers.listed.items():
        symbols = sorted({one.symbol for one in listed})
        for symbol in foreseen.probers[name].instruments:
            if symbol not in symbols:
                answers.mistakes.append(
                    OperatorError(
                        f"venues.{name}.instruments", symbol, "a symbol that the venue lists", nearest(symbol, symbols)
                    )
                )
    watched = {name: one.assets for name, one in foreseen.probers.items()}
    for asset in sorted({asset for assets in watched.values() for asset in assets}):
        asked = [name for name, assets in watched.items() if asset in assets]
        without = [name for name in asked if name in answers.listed and not choose(answers.listed[name], (asset,), ())]
        if without == asked:
            bases = sorted({one.base for name in asked for one in answers.listed[name]})
            answers.mistakes.append(
                OperatorError("assets", asset, f"an asset that {_either(asked)} lists", nearest(asset, bases))
            )
        else:
            answers.warnings += [f"venue {name} lists no spot or perpetual of {asset}" for name in without]


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)
