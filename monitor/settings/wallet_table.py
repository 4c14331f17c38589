"""Reads the operator's table of venues' hot wallets on one network: a CSV file with one row for each wallet and asset.

Columns: `venue`, `asset`, `address`, and optionally `token` (the ERC-20 that it pays; empty: the network's own coin) and
`least` (the smallest outflow that counts, in the smallest unit). Other columns are ignored. The venue need not be probed.
Rows of assets that are not watched are skipped, so that one table serves many deployments.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from chain.events import Address
from chain.watch import WatchedWallet
from monitor.errors import OperatorError

REQUIRED = ("venue", "asset", "address")
MAX_ROWS = 10_000
MAX_NAME = 64
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def wallet_table(key: str, file: str, assets: Collection[str]) -> tuple[WatchedWallet, ...]:
    """The wallets of this file that pay out one of `assets`. Raises OperatorError with the line."""
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(key, file, "a CSV file in UTF-8", f"it cannot be read: {error}") from None
    read = csv.DictReader(text.splitlines())
    missing = [name for name in REQUIRED if name not in (read.fieldnames or ())]
    if missing:
        raise OperatorError(key, file, f"columns {', '.join(REQUIRED)}", f"its first line lacks {', '.join(missing)}")
    found = dict.fromkeys(_wallets(key, file, read, assets))
    return tuple(found)


def _wallets(key: str, file: str, read: csv.DictReader[str], assets: Collection[str]) -> Iterator[WatchedWallet]:
    for number, row in enumerate(read, start=2):
        where = f"{key} ({file}, line {number})"
        if number > MAX_ROWS:
            raise OperatorError(where, number, f"at most {MAX_ROWS} lines", "split the table by what is watched")
        venue, asset = _cell(row, "venue"), _cell(row, "asset").upper()
        if not venue or len(venue) > MAX_NAME:
            raise OperatorError(where, venue, f"a venue's name of at most {MAX_NAME} letters", "write one")
        address, token = (_address(where, row, column) for column in ("address", "token"))
        least = _cell(row, "least") or "0"
        if not least.isdecimal():
            raise OperatorError(where, least, "`least` of 0 or more, in the smallest unit", "correct it")
        if address is None:
            raise OperatorError(where, "", "`address` of 0x and 40 hexadecimal digits", "write it")
        if asset in assets:
            yield WatchedWallet(venue=venue.lower(), asset=asset, address=address, token=token, least=int(least))


def _cell(row: Mapping[str, str | None], column: str) -> str:
    return (row.get(column) or "").strip()


def _address(where: str, row: Mapping[str, str | None], column: str) -> Address | None:
    text = _cell(row, column)
    if not text:
        return None
    if not _ADDRESS.fullmatch(text):
        raise OperatorError(where, text, f"`{column}` of 0x and 40 hexadecimal digits", "correct it")
    return Address(text.lower())
