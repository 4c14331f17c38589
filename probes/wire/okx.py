"""OKX v5's payloads as they are on the wire (www.okx.com/docs-v5). Everything is text."""

from __future__ import annotations

import msgspec

from probes.dialect.decode import Decoder
from probes.readings import (
    Refusal,
    VenueId,
)
from probes.venue import (
    Refused,
)

ID = VenueId("okx")
REFUSALS = {
    "50011": Refusal.THROTTLED,
    "50061": Refusal.THROTTLED,
    "60014": Refusal.THROTTLED,
    "50013": Refusal.OVERLOADED,
    "50001": Refusal.MAINTENANCE,
    "50004": Refusal.TIMEOUT,
    "50026": Refusal.VENUE_ERROR,
    "50103": Refusal.UNAUTHORIZED,
    "50111": Refusal.UNAUTHORIZED,
    "50113": Refusal.UNAUTHORIZED,
    "51001": Refusal.BAD_REQUEST,
    "60012": Refusal.BAD_REQUEST,
    "60018": Refusal.BAD_REQUEST,
}


class Detail(msgspec.Struct):
    """One forced order."""

    bkPx: str  # noqa: N815  # the venue's names throughout this file
    sz: str
    ts: str | int
    side: str = ""
    posSide: str = ""  # noqa: N815


class Row(msgspec.Struct):
    """A row of any list: each endpoint or channel fills what it has."""

    instId: str = ""  # noqa: N815
    instType: str = ""  # noqa: N815
    ts: str | int = ""
    state: str = ""
    title: str = ""
    begin: str = ""
    end: str = ""
    maintType: str = ""  # noqa: N815
    ccy: str = ""
    chain: str = ""
    canDep: bool | None = None  # noqa: N815
    canWd: bool | None = None  # noqa: N815
    wdEstOpenTime: str = ""  # noqa: N815
    baseCcy: str = ""  # noqa: N815
    quoteCcy: str = ""  # noqa: N815
    settleCcy: str = ""  # noqa: N815
    uly: str = ""
    ctVal: str = ""  # noqa: N815
    ctMult: str = ""  # noqa: N815
    ctType: str = ""  # noqa: N815
    oi: str = ""
    oiCcy: str = ""  # noqa: N815
    oiUsd: str = ""  # noqa: N815
    fundingRate: str = ""  # noqa: N815
    fundingTime: str = ""  # noqa: N815
    nextFundingTime: str = ""  # noqa: N815
    markPx: str = ""  # noqa: N815
    idxPx: str = ""  # noqa: N815
    last: str = ""
    vol24h: str = ""
    volCcy24h: str = ""  # noqa: N815
    asks: list[list[float]] | msgspec.UnsetType = msgspec.UNSET
    bids: list[list[float]] | msgspec.UnsetType = msgspec.UNSET
    seqId: int | None = None  # noqa: N815
    prevSeqId: int | None = None  # noqa: N815
    checksum: int | None = None
    details: list[Detail] | msgspec.UnsetType = msgspec.UNSET


class Answer(msgspec.Struct):
    """The envelope of REST."""

    code: str | int
    msg: str = ""
    data: list[Row] | msgspec.UnsetType = msgspec.UNSET


class Ratios(msgspec.Struct):
    """The envelope of the rubik endpoints: rows are lists."""

    code: str | int
    msg: str = ""
    data: list[list[str | float]] | msgspec.UnsetType = msgspec.UNSET


class Arg(msgspec.Struct):
    """The subscription of a channel."""

    channel: str = ""
    instId: str = ""  # noqa: N815
    instType: str = ""  # noqa: N815


class Frame(msgspec.Struct):
    """Any pushed frame or control message."""

    arg: Arg | None = None
    action: str = ""
    data: list[Row] | msgspec.UnsetType = msgspec.UNSET
    event: str = ""
    code: str | int = ""
    msg: str = ""
    id: str = ""


def topic_name(channel: str, subject: str) -> str:
    """How a topic is named here: its channel, and the instrument or kind of instruments that it is of."""
    return f"{channel}:{subject}"


ANSWER = Decoder(Answer, strict=False)
RATIOS = Decoder(Ratios, strict=False)
FRAME = Decoder(Frame, strict=False)


def refused(code: str, message: str) -> Refused:
    """The refusal of an error code, whatever HTTP status it came with."""
    return Refused(REFUSALS.get(code, Refusal.VENUE_ERROR), f"{code} {message}")
