"""Writes the first files of a new venue into a checkout: a venue's file that imports, and cases that say what to fill in.

Either all of it is written or nothing.
"""

from __future__ import annotations

import contextlib
import keyword
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from monitor.errors import OperatorError

MARK = "FILL_IN"
"""Stands wherever the venue's documentation must be read; a test fails while it is there."""
VENUES, CASES = Path("probes/venues"), Path("tests/probes/venues")
_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
_FILE = '''"""NAME: FILL_IN which products, with the address of its documentation.

FILL_IN what is special about its messages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from probes import dialect as d
from probes.readings import Censoring, Instrument, Liquidation, Market, Refusal, Side, VenueId
from probes.readings.topics import Topic, TopicRequest, request_id, subscribing
from probes.venue import Budget, Feed, Venue

DOCS = "https://FILL_IN.example/"
TIME = d.Rows(says=(d.ServerTimes(at=d.Stamp("FILL_IN_time", d.Clock.MS)),))
LISTING = d.Rows(
    where="FILL_IN_rows",
    says=(
        d.Listing(
            symbol="FILL_IN_symbol", base="FILL_IN_base", quote="FILL_IN_quote", contract_size="FILL_IN_size",
            trading="FILL_IN_state", trading_is=frozenset({"FILL_IN"}), trading_not=frozenset({"FILL_IN_not"}),
        ),
    ),
)  # fmt: skip
BOOK = d.Rows(
    says=(
        d.Books(
            bids="FILL_IN_bids", asks="FILL_IN_asks", unit=d.Unit.CONTRACTS, last_id="FILL_IN_sequence",
            at=d.Stamp("FILL_IN_time"), whole=True,
        ),
    ),
)  # fmt: skip
FORCED = d.Rows(
    says=(
        d.Liquidations(
            symbol="FILL_IN_symbol", price="FILL_IN_price", size="FILL_IN_size", unit=d.Unit.CONTRACTS, side="FILL_IN_side",
            sides={"FILL_IN_sell": Side.LONG, "FILL_IN_buy": Side.SHORT}, at=d.Stamp("FILL_IN_time"),
            censoring=Censoring.COMPLETE,
        ),
    ),
)  # fmt: skip
CHANNEL = "FILL_IN_orders"
FRAME = d.Frames(
    channel="FILL_IN_channel", payload="FILL_IN_rows",
    controls=(
        d.Control(path="FILL_IN_error", means=d.Means.REFUSED, text="FILL_IN_error", id="FILL_IN_id"),
        d.Control(path="FILL_IN_confirmed", means=d.Means.ACK, id="FILL_IN_id"),
    ),
)  # fmt: skip


def topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    """The liquidations of each instrument."""
    return [Topic(f"{CHANNEL}:{one.symbol}", CHANNEL, one.symbol, (Liquidation,), rare=True) for one in instruments]


def ask(wanted: Sequence[Topic], now: datetime) -> Sequence[TopicRequest]:
    """FILL_IN the venue's message that subscribes to a topic."""
    requests = []
    for one in wanted:
        number = request_id([one.name])
        text = {"FILL_IN_topic": one.name, "FILL_IN_id": number}
        requests.append(TopicRequest(json.dumps(text), str(number), (one.name,)))
    return requests


VENUE = Venue(
    id=VenueId("NAME"),
    title="NAME",
    docs=DOCS,
    hosts={"rest": "https://FILL_IN.example", "ws": "wss://FILL_IN.example"},
    budgets=(Budget(name="ip", limit=1, window_s=1),),  # FILL_IN the documented limit
    checks=(
        d.check("server_time", "/FILL_IN/time", TIME, 5),
        d.check("instruments", "/FILL_IN/instruments", LISTING, 3600),
        d.check("book_rest", "/FILL_IN/book", BOOK, 30, Market.PERP, symbol="{}"),
    ),
    feeds=(
        Feed(
            name="liquidation", host="ws", read=d.frames(FRAME, {CHANNEL: FORCED}), market=Market.PERP, docs=DOCS,
            topics=topics, ask=ask, subscribe=subscribing(topics, ask), censoring=Censoring.COMPLETE,
        ),
    ),
    refuse=d.refusals(d.Errors(code=("FILL_IN_code",), refusals={"FILL_IN": Refusal.THROTTLED})),
    # What the venue does not offer, and what we do not read although it offers it: a reason, and the capabilities.
    none={},
    not_yet={},
)  # fmt: skip
'''
_INSTRUMENTS = """# The instruments that the cases of this folder know.

[[instruments]]
symbol = "FILL_IN_symbol"
market = "perp"
contract_size = "1"
"""
_CHECKS = {"server_time": "/FILL_IN/time", "instruments": "/FILL_IN/instruments", "book_rest": "/FILL_IN/book"}
_GRADES = {"documented": "the message as its page shows it", "damaged": "the same with one field broken"}


def _texts(name: str) -> tuple[str, Mapping[Path, str]]:
    """The venue's file, and its cases by their path in the venue's folder."""
    cases = {Path("instruments.toml"): _INSTRUMENTS}
    for subject in (*_CHECKS, "liquidation"):
        for grade, what in _GRADES.items():
            folder = Path(subject, grade)
            lines = ['page = "FILL_IN the address of the page"', f'grade = "{grade}"']
            lines += [f'path = "{_CHECKS[subject]}"'] if subject in _CHECKS else []
            lines += ['instrument = "FILL_IN_symbol"'] if subject == "book_rest" else []
            cases[folder / "source.toml"] = "\n".join(lines) + "\n"
            cases[folder / "payload.json"] = f'{{"FILL_IN":"{what}"}}'
            cases[folder / "readings.json"] = '[{"FILL_IN": "what the documentation says that it means"}]\n'
    return _FILE.replace("NAME", name), cases


def write(checkout: Path, name: str) -> list[Path]:
    """Write the files of a new venue, all or none. Gives their paths. Raises OperatorError."""
    file, folder = checkout / VENUES / f"{name}.py", checkout / CASES / name
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        allowed = "2 to 31 small letters, digits and _, a letter first"
        raise OperatorError("NAME", name, allowed, "choose another name, such as kraken_futures")
    for part in (VENUES / "__init__.py", CASES):
        if not (checkout / part).exists():
            allowed = "a checkout of Stormwatch"
            raise OperatorError("--checkout", str(checkout), allowed, f"it has no {part}; name the right folder")
    for path in (file, folder):
        if path.exists() or path.is_symlink():
            raise OperatorError("NAME", name, "a name that no venue has", f"{path} exists; choose another or remove it")
    text, cases = _texts(name)
    beside, opened = folder.with_name(f".{name}.new"), False
    try:
        for path, content in cases.items():
            at = beside / path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_text(content)
        with file.open("x") as new:
            opened = True
            new.write(text)
        beside.rename(folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        if opened:
            with contextlib.suppress(OSError):
                file.unlink()
        raise OperatorError(
            "--checkout", str(checkout), "a folder that can be written", f"{error.strerror}; nothing was written"
        ) from None
    return [file, *sorted(folder / path for path in cases)]
