"""Builds the contracts in tests/chain/proxies/built: takes them from npm packages or compiles their sources.

Run `python -m tests.evm.build_proxies` with npm and node on the path; it packs the packages below into a separate
folder and writes one JSON file per contract with its origin, licence and compiler. Only contracts with permissive licences are
stored here; Safe's contracts (LGPL) are read from node_modules when the tests run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent / "chain/proxies"
SOURCES, BUILT = HERE / "sources", HERE / "built"
SOLC = {"0.8": "solc@0.8.37", "0.6": "solc@0.6.6", "0.5": "solc@0.5.17"}
COMPILE = """
const wrapper = require(process.argv[1] + "/wrapper.js");
const solc = wrapper(require(process.argv[2] + "/soljson.js"));
const input = require("fs").readFileSync(0, "utf8");
process.stdout.write(solc.compile(input));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A contract whose build a package ships."""

    name: str
    package: str
    licence: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Contracts compiled from a source file: ours in `sources`, or one of a package."""

    names: tuple[str, ...]
    packages: tuple[str, ...]
    licence: str
    compiler: str
    path: str
    alone: bool = False


TAKEN = (
    Taken(
        name="AdminUpgradeabilityProxy",
        package="zos-lib@2.4.3",
        licence="MIT",
        path="build/contracts/AdminUpgradeabilityProxy.json",
    ),
    Taken(name="Diamond", package="hardhat-deploy@0.12.4", licence="MIT", path="extendedArtifacts/Diamond.json"),
    Taken(
        name="DiamondCutFacet",
        package="hardhat-deploy@0.12.4",
        licence="MIT",
        path="extendedArtifacts/DiamondCutFacet.json",
    ),
    Taken(
        name="DiamondLoupeFacet",
        package="hardhat-deploy@0.12.4",
        licence="MIT",
        path="extendedArtifacts/DiamondLoupeFacet.json",
    ),
    Taken(
        name="OwnershipFacet",
        package="hardhat-deploy@0.12.4",
        licence="MIT",
        path="extendedArtifacts/OwnershipFacet.json",
    ),
    Taken(
        name="EIP173Proxy", package="hardhat-deploy@0.12.4", licence="MIT", path="extendedArtifacts/EIP173Proxy.json"
    ),
    Taken(
        name="Unitroller",
        package="@venusprotocol/venus-protocol@10.3.0",
        licence="BSD-3-Clause",
        path="artifacts/contracts/Comptroller/Unitroller.sol/Unitroller.json",
    ),
    Taken(
        name="VBep20Delegator",
        package="@venusprotocol/venus-protocol@10.3.0",
        licence="BSD-3-Clause",
        path="artifacts/contracts/Tokens/VTokens/VBep20Delegator.sol/VBep20Delegator.json",
    ),
    Taken(
        name="VAIUnitroller",
        package="@venusprotocol/venus-protocol@10.3.0",
        licence="BSD-3-Clause",
        path="artifacts/contracts/Tokens/VAI/VAIUnitroller.sol/VAIUnitroller.json",
    ),
    *(
        Taken(
            name=name,
            package="@0x/contracts-zero-ex@0.38.6",
            licence="Apache-2.0",
            path=f"lib/generated-artifacts/{name}.json",
        )
        for name in ("ZeroEx", "InitialMigration", "SimpleFunctionRegistryFeature", "OwnableFeature")
    ),
    *(
        Taken(
            name=name,
            package="@eth-optimism/contracts@0.6.0",
            licence="MIT",
            path=f"artifacts/contracts/{folder}/{name}.sol/{name}.json",
        )
        for name, folder in (
            ("Lib_AddressManager", "libraries/resolver"),
            ("Lib_ResolvedDelegateProxy", "libraries/resolver"),
            ("L1ChugSplashProxy", "chugsplash"),
        )
    ),
    Taken(
        name="SequenceFactory",
        package="@0xsequence/wallet-contracts@3.0.1",
        licence="Apache-2.0",
        path="artifacts/contracts/Factory.sol/Factory.json",
    ),
    Taken(
        name="MainModuleUpgradable",
        package="@0xsequence/wallet-contracts@3.0.1",
        licence="Apache-2.0",
        path="artifacts/contracts/modules/MainModuleUpgradable.sol/MainModuleUpgradable.json",
    ),
)
COMPILED = (
    Compiled(
        names=("Cloner", "Uups", "Factory1967", "SynthetixProxy", "SynthetixUups"),
        licence="MIT AND BSD-3-Clause",
        compiler="0.8",
        path="callers.sol",
        packages=(
            "solady@0.1.26",
            "clones-with-immutable-args@2.0.2",
            "@openzeppelin/contracts@5.7.0",
            "erc6551@0.3.1",
            "@synthetixio/core-contracts@3.1.1",
        ),
    ),
    Compiled(
        names=(
            "Proxiable",
            "Delegate897",
            "Trustless",
            "Dictionary",
            "Dictionaried",
            "Transparent1538",
            "DoubleLogic",
            "SuperCode",
            "Slot1967",
            "Relayer",
            "Redeployer",
            "SlotZero",
            "ImmutableAdmin",
            "CeloLike",
            "Governed",
            "StarkLike",
            "MapleLike",
            "OwnedLike",
            "KernelLike",
            "AppLike",
            "OwnSlot",
            "Dispatching",
            "Registry",
        ),
        licence="Apache-2.0",
        compiler="0.8",
        path="patterns.sol",
        packages=(),
    ),
    Compiled(
        names=("ExtendableRouter", "FallbackDiamond"),
        licence="MIT",
        compiler="0.8",
        path="routers.sol",
        packages=("@thirdweb-dev/dynamic-contracts@1.2.5", "@solidstate/contracts@0.0.59"),
    ),
    Compiled(
        names=("PendleActions", "PendleLike", "RocketStorageLike", "RocketMinipoolLike"),
        licence="Apache-2.0",
        compiler="0.8",
        path="registries.sol",
        packages=(),
    ),
    Compiled(
        names=("ChildChainManagerProxy",),
        licence="MIT",
        compiler="0.6",
        alone=True,
        path="flat/ChildChainManagerProxy.sol",
        packages=("@maticnetwork/pos-portal@1.5.2",),
    ),
    Compiled(
        names=("Proxy",),
        licence="MIT",
        compiler="0.5",
        alone=True,
        path="contracts/Proxy.sol",
        packages=("synthetix@2.102.1",),
    ),
)


def main() -> None:
    """Builds all again."""
    BUILT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        for taken in TAKEN:
            found = json.loads((_packed(folder, taken.package) / taken.path).read_text())
            abi, bytecode = _shipped(found)
            _write(taken.name, f"{taken.package} {taken.path}", taken.licence, abi, bytecode)
        for compiled in COMPILED:
            _compile(folder, compiled)


def _shipped(found: dict[str, Any]) -> tuple[Any, str]:
    """Reads ABI and creation code from a Hardhat, Truffle or 0x artifact."""
    if "compilerOutput" not in found:
        return found["abi"], found["bytecode"]
    output = found["compilerOutput"]
    return output["abi"], output["evm"]["bytecode"]["object"]


def _packed(folder: Path, package: str) -> Path:
    name = package.removeprefix("@").replace("/", "-").replace("@", "-")
    if not (folder / name).exists():
        (folder / name).mkdir()
        subprocess.run(
            ["npm", "pack", package, "--silent", "--pack-destination", str(folder)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with tarfile.open(folder / f"{name}.tgz") as packed:
            packed.extractall(folder / name, filter="data")
        for one in list((folder / name / "package").iterdir()):
            one.rename(folder / name / one.name)
    return folder / name


def _wrapper(folder: Path) -> Path:
    """Installs the JavaScript interface of the compiler with its dependencies."""
    if not (folder / "node_modules/solc").exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), SOLC["0.8"]], check=True)
    return folder / "node_modules/solc"


def _compile(folder: Path, compiled: Compiled) -> None:
    roots = {package.rsplit("@", 1)[0]: _packed(folder, package) for package in compiled.packages}
    root = next(iter(roots.values())) if compiled.alone else SOURCES
    sources = {compiled.path: (root / compiled.path).read_text()}
    _follow(sources, compiled.path, roots, root if compiled.alone else None)
    settings: dict[str, Any] = {
        "optimizer": {"enabled": True, "runs": 200},
        "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        "metadata": {"bytecodeHash": "none"} if compiled.compiler != "0.5" else {},
    }
    asked = {"language": "Solidity", "sources": {k: {"content": v} for k, v in sources.items()}, "settings": settings}
    compiler = _packed(folder, SOLC[compiled.compiler])
    answered = subprocess.run(
        ["node", "-e", COMPILE, str(_wrapper(folder)), str(compiler)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(answered.stdout)
    wrong = [one["formattedMessage"] for one in answer.get("errors", []) if one["severity"] == "error"]
    assert not wrong, wrong
    for name in compiled.names:
        found = answer["contracts"][compiled.path][name]
        origin = ", ".join(compiled.packages) or "written here after the document named in the source"
        note = f"{compiled.path} with {SOLC[compiled.compiler]}; {origin}"
        _write(name, note, compiled.licence, found["abi"], "0x" + found["evm"]["bytecode"]["object"])


def _follow(sources: dict[str, str], path: str, roots: dict[str, Path], alone: Path | None) -> None:
    """Adds the imports of a source, recursively."""
    for wanted in re.findall(r'^\s*import[^"\';]*["\']([^"\']+)["\']', sources[path], re.MULTILINE):
        name = str(Path(path).parent / wanted) if wanted.startswith(".") else wanted
        name = _plain(name)
        if name in sources:
            continue
        package = next((one for one in roots if name.startswith(one + "/")), None)
        file = roots[package] / name[len(package) + 1 :] if package and not alone else (alone or SOURCES) / name
        sources[name] = file.read_text()
        _follow(sources, name, roots, alone)


def _plain(name: str) -> str:
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _write(name: str, origin: str, licence: str, abi: Any, bytecode: str) -> None:
    content = {"contract": name, "origin": origin, "licence": licence, "abi": abi, "bytecode": bytecode}
    (BUILT / f"{name}.json").write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
