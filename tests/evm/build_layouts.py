"""Compiles the contracts in tests/chain/layouts/built from the sources beside them.

Run `python -m tests.evm.build_layouts` with npm, node and `vyper` (the wheel, in a separate environment) on the path; it
installs the Solidity compiler into a separate folder and writes one JSON file per contract.
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
    """Builds all again."""
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
        output = _run(["node", "-e", COMPILE, f"{folder}/node_modules"], json.dumps(asked))
    found = json.loads(output)["contracts"]["Vaults.sol"]
    for name in NAMES:
        one = found[name]
        layout = {
            content["label"]: [int(content["slot"]), content["offset"]] for content in one["storageLayout"]["storage"]
        }
        creation, code = ("0x" + one["evm"][which]["object"] for which in ("bytecode", "deployedBytecode"))
        _write(name, f"Vaults.sol with {SOLC}", one["abi"], creation, code, layout)
    version = _run(["vyper", "--version"], "").split("+")[0]
    for name, words in VYPER.items():
        output = _run(["vyper", "-f", "abi,bytecode,bytecode_runtime", *words, str(HERE / "Vault.vy")], "")
        abi, creation, code = output.strip().splitlines()
        _write(name, " ".join(["Vault.vy with vyper", version, *words]), json.loads(abi), creation, code, {})


def _run(words: list[str], given: str) -> str:
    return subprocess.run(words, input=given, capture_output=True, text=True, check=True).stdout


def _write(name: str, origin: str, abi: Any, bytecode: str, code: str, layout: dict[str, Any]) -> None:
    content = {"origin": origin, "licence": "Apache-2.0", "abi": abi, "bytecode": bytecode, "deployedBytecode": code}
    (HERE / "built" / f"{name}.json").write_text(json.dumps(content | ({"layout": layout} if layout else {})) + "\n")


if __name__ == "__main__":
    main()
