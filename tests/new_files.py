"""A file of each kind that can be added, as text, with the cases and fixtures that its tests look for."""

from __future__ import annotations

from eth_hash.auto import keccak

NEW = {
    "probes/venues/sample.py": '''
"""A sample venue with one check."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from probes.dialect import decode
from probes.readings import Reading, ServerTime, VenueId
from probes.venue import Budget, Context, RestCall, RestCheck, Venue

ID = VenueId("sample")


class _Time(msgspec.Struct):
    now: int


TIME = decode.Decoder(_Time)


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`{"now": ms}`."""
    at = decode.at_ms(TIME.decode(body).now, "$.now")
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=at, resolution_s=decode.MILLISECOND)]


VENUE = Venue(
    id=ID,
    title="Sample",
    docs="https://docs.example",
    hosts={"rest": "https://api.example"},
    budgets=(Budget(name="ip", limit=100, window_s=10),),
    checks=(RestCheck(name="server_time", call=lambda _: RestCall(path="/time"), read=server_time, every_s=5),),
    feeds=(),
)
''',
    "chain/networks/sample.py": '''
"""A sample network."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(id=NetworkId("sample"), chain_id=424242, block_time_s=2.0)
''',
    "chain/proxies/kinds/sample.py": '''
"""A sample kind of proxy, known by its code alone."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec, code_like

KIND = ProxyKind(
    name="sample",
    source="https://docs.example",
    rank=1,
    code=code_like("5a6942<P>7e57"),
    fixed=True,
    slots=(SlotSpec(role=Role.ADMIN, slot=SLOT_OF_SAMPLE),),
    logs=(LogSpec(role=Role.ADMIN, topic="TOPIC_OF_SAMPLE", position=0),),
)
'''.replace("SLOT_OF_SAMPLE", f"0x{keccak(b'sample.proxy.admin').hex()}").replace(
        "TOPIC_OF_SAMPLE", f"0x{keccak(b'SampleAdmin(address)').hex()}"
    ),
    "chain/control/timelocks/sample.py": '''
"""A sample kind of timelock: Planned(bytes32)."""

from __future__ import annotations

from chain.control.operation import Phase, Step, Steps, getter

MARKS = (getter("sampleDelay()"),)
STEPS: Steps = {"0x" + "5a" * 32: lambda log: Step(operation=log.topics[1], phase=Phase.QUEUED, foreseen=(), eta_s=9)}
''',
    "chain/liquidity/pools/sample.py": '''
"""A sample kind of pool: a pair of another house."""

from __future__ import annotations

from dataclasses import replace

from chain.liquidity.pool import Pool
from chain.watch import WatchedPool

KINDS = ("sample",)


def make(watched: WatchedPool) -> Pool:
    """The pool before anything was read of it."""
    from chain.liquidity.pools import make_pool

    pool = make_pool(replace(watched, kind="uniswap_v2"))
    assert pool is not None
    return pool
''',
    "chain/liquidity/lenders/sample.py": '''
"""A sample protocol with liquidations: its log names the collateral, the account and the amount."""

from __future__ import annotations

from chain.liquidity.lending import Lender, Liquidated

LENDER = Lender(
    protocols=("sample",),
    source="https://docs.example",
    topic="0x" + "5b" * 32,
    read=lambda log: Liquidated(collateral=log.address_at(0), account=log.address_at(1), amount=log.word(2)),
)
''',
    "chain/liquidity/factories/sample.py": '''
"""A sample form of factory: its log has no indexed argument."""

from __future__ import annotations

from chain.liquidity.creation import Factory, NewPool

FACTORY = Factory(
    kind="sample",
    source="https://docs.example",
    topic="0x" + "5c" * 32,
    read=lambda log: NewPool(pool=log.address_at(2), token0=log.address_at(0), token1=log.address_at(1)),
)
''',
    "chain/detectors/sample.py": '''
"""A sample detector: it asks for one slot of each watched contract."""

from __future__ import annotations

from collections.abc import Sequence

from chain.blocks.block import Block
from chain.blocks.reads import Reads, SlotWord
from chain.events import PlacedEvent
from chain.watch import Watch

STAGE = 1


class Sample:
    """One network's sample."""

    def __init__(self, watch: Watch) -> None:
        self._reads = Reads(state=frozenset(SlotWord(one.address, 424242) for one in watch.contracts))

    def reads(self) -> Reads:
        """Slot 424242 of each contract."""
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """No event."""
        return []

    def memory(self) -> bytes:
        """Nothing is remembered."""
        return b""

    def recall(self, memory: bytes) -> None:
        """Nothing was remembered."""


def make(watch: Watch) -> Sample:
    """The detector of these contracts."""
    return Sample(watch)
''',
    "monitor/correlator/evidence/sample.py": '''
"""Sample evidence: funding of any kind is a finding of the liquidation leg."""

from __future__ import annotations

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind


class SampleEvidence:
    """Puts a finding for each funding rate."""

    kinds = frozenset({SignalKind.FUNDING})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one funding rate."""
        self._board.put(
            Finding(
                name="sample", leg=Leg.LIQUIDATION, subject=signal.subject, grade=4, onset_s=at_s, at_s=at_s,
                half_life_s=60.0, value=signal.value, normal=None, unit="fraction", said="the sample speaks",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Nothing is due."""


PRODUCER = SampleEvidence
''',
    "monitor/alerting/sinks/sample.py": '''
"""A sample sink: it delivers to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from monitor.alerting.sink import Delivered, Note, Outcome
from monitor.alerting.sinks import SinkType


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """Its settings."""

    colour: str = "grey"


class SampleSink:
    """Takes every note."""

    def __init__(self, settings: SampleSettings, env: Mapping[str, str], key: str = "sinks.sample") -> None:
        self.colour = settings.colour

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Done at once."""
        return Delivered()


SINK = SinkType(settings=SampleSettings, build=SampleSink)
''',
    "monitor/drill/scenarios/sample.toml": """
name = "sample"
title = "A sample of a quiet market"
length_s = "20s"
seed = 5
asset = "RIFT"
price = 2.5

[expect]
level = "calm"
at_most = true

[[stages]]
at_s = 0
title = "a quiet market"
""",
}
CASE = '''
"""The case of the sample kind of proxy."""

from __future__ import annotations

from tests.chain.proxies.clones import documented
from tests.chain.proxies.patterned import nothing

CASE = (documented("5a69426f{}7e57"), nothing)
SLOTS = {"sample.proxy.admin": ("sample", "admin", 0)}
LOGS = {"SampleAdmin(address)": ("sample", "admin", 0)}
'''
FIXTURES = {
    "documented": ('{"now":1793491200000}', [{
        "is": "ServerTime", "venue": "sample", "received_at": "2026-11-01T00:00:01Z",
        "event_time": "2026-11-01T00:00:00Z", "resolution_s": 0.001,
    }]),
    "damaged": ('{"now":-1}', {"malformed": "$.now: -0.001 is no time"}),
}  # fmt: skip
