"""Measures the memory of the daemon in a drill: its own process, and the processes of the embedded PostgreSQL together.

Peaks are the kernel's VmHWM, which starts at zero for each program: ru_maxrss starts with the peak of the parent process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure

LENGTH_S = 20
MAX_S = 180.0
SCENARIO = f"""name = "bench"
title = "A quiet market, for as long as memory is measured"
length_s = "{LENGTH_S}s"
seed = 3
asset = "RIFT"
price = 2.5
[expect]
level = "watch"
at_most = true
[[stages]]
at_s = 0
title = "a quiet market"
liquidations_per_s = 2.0
"""
IMPORTS = (
    "import monitor.daemon.daemon, chain.sync.watcher, web3, asyncpg, aiohttp, tests.bench.measures.daemon_memory as this\n"
    "print(this.peak_mb('self'))"
)
SIMULATED = "four venues, a chain and a webhook's receiver, in a process of their own that is not counted"


def bench() -> list[Figure]:
    """The daemon's peak resident memory, and the server's."""
    imported = float(subprocess.run([sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True).stdout)
    rss_mb, server_mb, note = _drilled()
    return [
        Figure(
            name="daemon: peak RSS in a drill, its own process", value=rss_mb, unit="MB", most=250,
            peer="python with the same imports, idle", peer_value=imported, simulated=SIMULATED, note=note,
        ),
        Figure(
            name="embedded PostgreSQL: peak of its processes (PSS)", value=server_mb, unit="MB", simulated=SIMULATED,
            note="shared memory counted once",
        ),
    ]  # fmt: skip


def peak_mb(pid: str) -> float:
    """The largest resident memory a process has had, in MB; 0 if the kernel does not report it."""
    return _kb(Path("/proc", pid, "status"), "VmHWM:") / 1024


def _drilled() -> tuple[float | None, float | None, str]:
    with tempfile.TemporaryDirectory(prefix="stormwatch-bench-") as name:
        folder = Path(name)
        file = folder / "bench.toml"
        file.write_text(SCENARIO, encoding="utf-8")
        temporary = folder / "tmp"
        temporary.mkdir()
        command = [
            str(Path(sys.executable).with_name("stormwatch")),
            "drill",
            str(file),
            "--json",
            "--out",
            str(folder),
        ]
        errors = folder / "errors"
        rss_mb = server_mb = 0.0
        with (folder / "out").open("wb") as out, errors.open("wb") as err:
            env = os.environ | {"TMPDIR": str(temporary)}
            with subprocess.Popen(command, stdout=out, stderr=err, env=env) as running:
                deadline = time.monotonic() + MAX_S
                while running.poll() is None:
                    if _world_runs(running.pid):
                        rss_mb = max(rss_mb, peak_mb(str(running.pid)))
                    server_mb = max(server_mb, _server_mb(str(temporary)))
                    if time.monotonic() > deadline:
                        running.terminate()
                    time.sleep(0.25)
        lines = (folder / "out").read_text(encoding="utf-8").splitlines()
        if not lines or not lines[-1].startswith("{"):
            errors_text = [line for line in errors.read_text(encoding="utf-8").splitlines() if line.strip()]
            reason = errors_text[-1][:120] if errors_text else "no output"
            return None, None, f"the drill gave no verdict: {reason}"
        verdict = json.loads(lines[-1])
        held = "held" if verdict["held"] else "did not hold: " + "; ".join(verdict["why"])
        note = f"{LENGTH_S} s, {verdict['signals']:,} signals, the drill {held}"
        return rss_mb or verdict["rss_mb"], server_mb or None, note


def _world_runs(pid: int) -> bool:
    """Whether the drill's simulated world still runs; the later snapshot and replay do not count as the daemon."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = place.read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            if parent == str(pid) and b"monitor.drill.world" in place.with_name("cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def _server_mb(folder: str) -> float:
    """MB of every PostgreSQL process whose server keeps its files in `folder`."""
    parents: dict[str, str] = {}
    masters: set[str] = set()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().decode(errors="replace")
            name, _, rest = (place / "stat").read_text(encoding="utf-8").rpartition(")")
        except OSError:
            continue
        if name.endswith("(postgres"):
            parents[place.name] = rest.split()[1]
            if folder in words:
                masters.add(place.name)
    mine = {pid for pid, parent in parents.items() if pid in masters or parent in masters}
    return sum(_kb(Path("/proc", pid, "smaps_rollup"), "Pss:") for pid in mine) / 1024


def _kb(file: Path, key: str) -> int:
    """The figure of one line of a file of /proc; 0 if there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)
