"""`stormwatch venues`: the matrix of every venue and capability, from the declarations alone, for people, pipes and programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.venue_facts import facts_of, markdown
from monitor.errors import OperatorError
from probes import venues
from probes.dialect.capabilities import CAPABILITIES
from tests.monitor.cli.test_schemas import validate
from tests.venue_matrix import BEGIN, END, README, with_matrix


def output_of(*arguments: str, columns: int = 80) -> str:
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def lines_of(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output_of(*arguments, "--json").splitlines()]


def test_the_matrix_has_a_row_for_each_venue_in_each_group_and_fits_80_columns_without_a_broken_word() -> None:
    text = output_of("venues")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    for name in venues.NAMES:
        rows = [line.split() for line in lines if line.split()[:1] == [name]]
        assert len(rows) == 3
        cells = " ".join(" ".join(row[1:]) for row in rows).replace("not yet", "not-yet").split()
        assert len(cells) == len(CAPABILITIES)
    assert " liquidation " in text


def test_json_gives_each_venue_on_a_line_with_every_capability_its_reach_and_who_reads_it() -> None:
    lines = lines_of("venues")
    assert [one["venue"] for one in lines] == list(venues.NAMES)
    for one in lines:
        validate("venue", one)
        assert [cell["name"] for cell in one["capabilities"]] == list(CAPABILITIES)
        for cell in one["capabilities"]:
            assert cell["reach"] in ("public", "keyed", "none", "not yet")
            assert bool(cell["by"]) == (cell["reach"] in ("public", "keyed"))
            assert bool(cell["reason"]) == (cell["reach"] in ("none", "not yet"))


def cell(venue: str, name: str) -> dict[str, Any]:
    (facts,) = lines_of("venues", "--venue", venue)
    (found,) = [one for one in facts["capabilities"] if one["name"] == name]
    return dict(found)


def test_signed_wallets_are_keyed_and_wallets_without_a_key_are_public() -> None:
    assert cell("okx", "wallet_status")["reach"] == "keyed"
    assert cell("gate", "wallet_status")["reach"] == "public"


def test_a_capability_that_another_checks_rows_carry_is_read_by_that_check() -> None:
    assert "open_interest" in cell("hyperliquid", "open_interest")["by"]
    assert "book_ws" in cell("hyperliquid", "funding")["by"]


def test_one_venue_is_shown_with_its_hosts_budgets_checks_feeds_and_rules_at_80_columns() -> None:
    text = output_of("venues", "--venue", "gate")
    assert max(map(len, text.splitlines())) <= 80
    for said in (
        "perp, spot", "https://api.gateio.ws/api/v4", "200 in 10 s", "3600 s", "GET /futures/usdt/order_book", "futures.tickers",
        "complete", "the first id of a change follows",
    ):  # fmt: skip
        assert said in text


def test_the_rules_of_books_and_liquidation_feeds_are_told() -> None:
    feeds = {one.name: one for one in facts_of("kraken").feeds}
    assert feeds["book_ws_spot"].checksum == "the best 10 of 100 levels a side"
    feeds = {one.name: one for one in facts_of("bitget").feeds}
    assert feeds["liquidation"].censoring == "largest_per_second"
    assert (feeds["liquidation"].sequence, feeds["liquidation"].checksum) == (None, None)
    assert feeds["book_ws"].sequence == "each change names the id before it"


def test_the_cost_and_budget_of_a_check_are_those_of_its_call() -> None:
    checks = {one.name: one for one in facts_of("hyperliquid").checks}
    assert (checks["book_rest"].cost, checks["book_rest"].budget, checks["book_rest"].every_s) == (2, "ip", 30)
    assert checks["book_rest"].asks.startswith("POST /info")
    assert {one.host for one in facts_of("coinbase").checks} == {"rest", "advanced", "status"}


def test_markdown_has_a_line_for_each_venue() -> None:
    lines = output_of("venues", "--markdown").splitlines()
    assert "\n".join(lines) + "\n" == markdown()
    assert [line.count("|") for line in lines] == [len(CAPABILITIES) + 2] * (len(venues.NAMES) + 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--venue", "gaet"), ("--venue", "gaet", "okx", "did you mean 'gate'")),
        (("--markdown", "--json"), ("--markdown", "alone")),
        (("--markdown", "--venue", "gate"), ("--markdown", "alone")),
    ],
)
def test_a_mistake_names_key_value_what_is_allowed_and_the_remedy(
    arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    result = CliRunner().invoke(app, ["venues", *arguments])
    assert isinstance(result.exception, OperatorError)
    assert all(word in str(result.exception) for word in words)


def test_the_matrix_in_the_readme_is_the_commands_output() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_matrix(text, output_of("venues", "--markdown"))
    assert output_of("venues", "--markdown") in text


def test_a_page_without_its_marks_is_no_place_for_the_matrix() -> None:
    assert with_matrix(f"a\n{BEGIN}old\n{END}b\n", "new\n") == f"a\n{BEGIN}\nnew\n\n{END}b\n"
    for page in ("", BEGIN, END + BEGIN, BEGIN + END + END, BEGIN + END + BEGIN):
        with pytest.raises(ValueError, match=r"README\.md needs"):
            with_matrix(page, "new\n")


def test_a_budget_is_told_with_its_scope_the_wider_one_and_its_hosts() -> None:
    budgets = facts_of("bitget").budgets
    assert budgets["ip"] == "10 in 1 s, each endpoint for itself, within all, at rest"
    assert budgets["all"] == "6000 in 60 s, at rest"
