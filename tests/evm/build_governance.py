"""Builds the contracts in tests/chain/control/governance/built: OpenZeppelin's, completed by Governance.sol, Compound's Timelock
in the version that Venus ships built, and the timelocks of Timelocks.sol.

Run `python -m tests.evm.build_governance` with npm and node on the path; it installs the compiler and the sources into a
separate folder and writes one JSON file per contract. Licences of the stored contracts: MIT, Apache-2.0 (ours) and
BSD-3-Clause.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent / "chain/control/governance"
COMPILER = "solc@0.8.37"
IMPORTED = {"Governance.sol": "@openzeppelin/contracts@5.7.0", "Timelocks.sol": "solady@0.1.26"}
SHIPPED = "@venusprotocol/governance-contracts@2.9.0"
TIMELOCK = "artifacts/contracts/Governance/TimelockV8.sol/TimelockV8.json"
NAMES = {
    "Governance.sol": ("VotesToken", "TimelockedGovernor"),
    "Timelocks.sol": (
        "SoladyTimelock",
        "Payload",
        "DSPause",
        "Delay",
        "ExecutorWithTimelock",
        "BridgeExecutor",
        "PayloadsController",
        "EmergencyProtectedTimelock",
        "MapleGlobals",
        "PoolManager",
    ),
}
LICENCES = {"Governance.sol": "MIT", "Timelocks.sol": "Apache-2.0, and MIT for what is Solady's"}
COMPILE = """
const fs = require("fs");
const solc = require(process.argv[1] + "/solc");
const find = (path) => ({ contents: fs.readFileSync(process.argv[1] + "/" + path, "utf8") });
process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), { import: find }));
"""


def main() -> None:
    """Builds all again."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, COMPILER, *IMPORTED.values()], check=True)
        _write_timelock(Path(folder))
        asked = {
            "language": "Solidity",
            "sources": {source: {"content": (HERE / source).read_text()} for source in NAMES},
            "settings": {
                "optimizer": {"enabled": True, "runs": 1},
                "metadata": {"bytecodeHash": "none"},
                "evmVersion": "cancun",
                "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
            },
        }
        output = subprocess.run(
            ["node", "-e", COMPILE, f"{folder}/node_modules"],
            input=json.dumps(asked), capture_output=True, text=True, check=True,
        )  # fmt: skip
    answer = json.loads(output.stdout)
    wrong = [one["formattedMessage"] for one in answer.get("errors", []) if one["severity"] == "error"]
    assert not wrong, wrong
    for source, names in NAMES.items():
        for name in names:
            found = answer["contracts"][source][name]
            origin = f"{source} with {COMPILER}, {IMPORTED[source]}"
            _write(name, origin, LICENCES[source], found["abi"], "0x" + found["evm"]["bytecode"]["object"])


def _write_timelock(folder: Path) -> None:
    subprocess.run(["npm", "pack", SHIPPED, "--silent", "--pack-destination", str(folder)], check=True)
    with tarfile.open(next(folder.glob("venusprotocol-*.tgz"))) as packed:
        shipped = packed.extractfile(f"package/{TIMELOCK}")
        assert shipped is not None
        found = json.load(shipped)
    _write("TimelockV8", f"{SHIPPED} {TIMELOCK}", "BSD-3-Clause", found["abi"], found["bytecode"])


def _write(name: str, origin: str, licence: str, abi: Any, bytecode: str) -> None:
    (HERE / "built").mkdir(exist_ok=True)
    content = {"origin": origin, "licence": licence, "abi": abi, "bytecode": bytecode}
    (HERE / "built" / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
