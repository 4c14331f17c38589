"""How an upgrade is shown on a screen."""

from __future__ import annotations

from dataclasses import replace

from chain.events import Address, CodeChange
from chain.events.upgrades import LayoutHint
from chain.explorers.answers import SourceSeen
from monitor.cli.render.upgrades import MAX_NAMED, change_lines, source_words

CHANGE = CodeChange(
    old_size=9, new_size=7, gained=("0x11111111",), lost=(), signatures=("0x11111111(address)",), layout=(),
    old_compiler="solc 0.8.20", new_compiler="solc 0.8.26", links=("https://etherscan.io/address/0x1#code",),
)  # fmt: skip


def test_every_known_fact_of_a_change_is_shown() -> None:
    hint = LayoutHint(slot="0x1", offset=0, old="uint256", new="bool", said="slot 1 held uint256, is read as bool")
    assert dict(change_lines(replace(CHANGE, layout=(hint,)))) == {
        "gained": "0x11111111(address)",
        "lost": "nothing",
        "code": "9 → 7 bytes, solc 0.8.20 → solc 0.8.26",
        "storage": "hints at another layout (inferred, no proof): slot 1 held uint256, is read as bool",
        "source": "https://etherscan.io/address/0x1#code (if verified)",
    }
    assert dict(change_lines(CHANGE))["storage"] == "no hints at another layout"


def test_an_unknown_value_is_not_shown_as_zero_or_empty() -> None:
    unknown = CodeChange(old_size=None, new_size=None, gained=None, lost=None)
    assert dict(change_lines(unknown)) == {"code": "not known"}
    assert dict(change_lines(replace(unknown, new_size=7)))["code"] == "? → 7 bytes"
    assert (
        dict(change_lines(replace(unknown, new_size=7, new_compiler="solc 0.8.1")))["code"]
        == "? → 7 bytes, ? → solc 0.8.1"
    )


def test_a_target_without_code_is_shown_as_a_warning() -> None:
    assert dict(change_lines(replace(CHANGE, new_size=0)))["code"].startswith("9 → NONE: the new address has no code")


def test_a_function_is_shown_by_its_name_where_that_is_known() -> None:
    shown = dict(change_lines(replace(CHANGE, gained=("0x8456cb59",), signatures=("0x8456cb59()",))))
    assert shown["gained"] == "pause()"


def test_a_long_list_of_functions_is_shown_as_a_count() -> None:
    many = tuple(f"0x{one:08x}" for one in range(MAX_NAMED + 3))
    assert dict(change_lines(replace(CHANGE, gained=many)))["gained"].endswith("0x0000000b and 3 more")


def test_an_explorers_text_is_shown_on_one_line() -> None:
    seen = SourceSeen(address=Address("0x1"), by="etherscan", verified=True, name="Vault", licence="MIT", proxy=True)
    assert source_words(seen) == "0x1: Vault, MIT, itself a proxy of ?"
    assert source_words(replace(seen, name=None, licence=None, proxy=False)) == "0x1: verified"
    assert source_words(replace(seen, verified=False)) == "0x1: NOT verified"
