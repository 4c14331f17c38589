"""Knows how the contracts in tests/chain/layouts/built came about: compiled from the sources beside them.

Run `python -m tests.evm.build_layouts` with npm, node and `vyper` (the wheel, in an environment of its own) on the path; it
installs the Solidity compiler into a folder of its own and writes one JSON file a contract.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent / "chain/bytecode/layouts"
SOLC = "solc@0.8.37"
NAMES = ("Vault", "VaultAppended", "VaultReordered", "VaultRetyped", "VaultShrunk")
VYPER = {"VaultVyper": [], "VaultVyperDense": ["--optimize", "codesize"], "VaultVyperPlain": ["--optimize", "none"]}
COMPILE = """
const solc = require(process.argv[1] + "/solc");
process.stdout.write(solc.compile(require("fs").readFileSync(0, "utf8")));
"""


def main() -> None:
    """Build all anew."""
    (HERE / "built").mkdir(exist_ok=True)
    asked = {
        "language": "Solidity",
        "sources": {"Vaults.sol": {"content": (HERE / "Vaults.sol").read_text()}},
        "settings": {
            "optimizer": {"enabled": True, "runs": 200},
            "outputSelection": {
                "*": {"*": ["abi", "storageLayout", "evm.bytecode.object", "evm.deployedBytecode.object"]}
            },
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, SOLC], check=True)
        told = _run(["node", "-e", COMPILE, f"{folder}/node_modules"], json.dumps(asked))
    found = json.loads(told)["contracts"]["Vaults.sol"]
    for name in NAMES:
        one = found[name]
        layout = {kept["label"]: [int(kept["slot"]), kept["offset"]] for kept in one["storageLayout"]["storage"]}
        creation, code = ("0x" + one["evm"][which]["object"] for which in ("bytecode", "deployedBytecode"))
        _keep(name, f"Vaults.sol with {SOLC}", one["abi"], creation, code, layout)
    version = _run(["vyper", "--version"], "").split("+")[0]
    for name, words in VYPER.items():
        told = _run(["vyper", "-f", "abi,bytecode,bytecode_runtime", *words, str(HERE / "Vault.vy")], "")
        abi, creation, code = told.strip().splitlines()
        _keep(name, " ".join(["Vault.vy with vyper", version, *words]), json.loads(abi), creation, code, {})


def _run(words: list[str], given: str) -> str:
    return subprocess.run(words, input=given, capture_output=True, text=True, check=True).stdout


def _keep(name: str, origin: str, abi: Any, bytecode: str, code: str, layout: dict[str, Any]) -> None:
    kept = {"origin": origin, "licence": "Apache-2.0", "abi": abi, "bytecode": bytecode, "deployedBytecode": code}
    (HERE / "built" / f"{name}.json").write_text(json.dumps(kept | ({"layout": layout} if layout else {})) + "\n")


if __name__ == "__main__":
    main()
