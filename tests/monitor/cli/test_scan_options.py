"""How `stormwatch chain scan` chooses between reading each block and sampling, by its options."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.errors import OperatorError
from tests.monitor.cli.test_mistakes import stormwatch

SETTINGS = "[networks.local]\nnodes = [{ url = 'http://127.0.0.1:1' }]\n"


@pytest.mark.parametrize(
    ("last", "options", "every_block"),
    [
        (512, (), "true"),
        (513, (), "false"),
        (2, ("--sampled",), "false"),
        (2, ("--stretches",), "false"),
        (513, ("--every-block",), "true"),
    ],
)
def test_each_block_is_read_up_to_512_blocks_unless_an_option_says_otherwise(
    tmp_path: Path, last: int, options: tuple[str, ...], every_block: str
) -> None:
    """The file of a scan that read the chain the other way is refused, before any node is asked."""
    config, output = tmp_path / "stormwatch.toml", tmp_path / "events"
    config.write_text(SETTINGS)
    output.touch()
    other_way = {"true": "false", "false": "true"}[every_block]
    (tmp_path / "events.checkpoint").write_text(f'["local", 1, {last}, {other_way}]\n')

    words = ["chain", "scan", "--network", "local", "--from", "1", "--to", str(last)]
    result = CliRunner().invoke(app, [*words, "-c", str(config), "-o", str(output), *options])

    assert isinstance(result.exception, OperatorError), result.output
    assert "a file of this very scan" in str(result.exception)


def test_the_help_shows_only_the_present_name_of_the_option(tmp_path: Path) -> None:
    text = stormwatch("chain", "scan", "--help", cwd=tmp_path).stdout
    assert "--sampled" in text
    assert "--stretches" not in text
