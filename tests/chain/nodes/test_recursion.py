"""Checks that loading web3 does not change the recursion limit of the interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
limit = sys.getrecursionlimit()
from chain.nodes.web3_node import load_web3
load_web3()
assert "py_ecc" in sys.modules, "the library that raises it is gone: this guard can go too"
assert sys.getrecursionlimit() == limit
from probes.dialect import decode
from probes.venue import Malformed
try:
    decode.Decoder(list[object]).decode(b"[" * 1_000_000)
except Malformed:
    sys.exit(0)
sys.exit("a nested payload was read")
"""


def test_a_deeply_nested_payload_is_refused_after_web3_was_loaded() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3]
    )
    assert ended.returncode == 0, ended.stderr
