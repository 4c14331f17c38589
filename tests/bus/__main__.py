"""Tries the bus as a whole: three real NATS servers, three real agents, a real correlator, each a process of its own on loopback.

    python -m tests.bus kills [--rounds 20] [--rate 2000] [--seed 1]
    python -m tests.bus away [--seconds 120] [--rate 2000]
    python -m tests.bus throughput

kills: each round kills (SIGKILL) the server that leads the stream of signals, an agent and the correlator, one after the other
at random moments, and starts each again. away: all servers are killed together, and come back after so many seconds. At the end
of both everything runs on until all incidents have ended, and stops cleanly; then the agents' logs are compared with the
correlator's. throughput: signals a second with three servers and with one, beside the bare client with the same messages.
Exit code 1: a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.bus.away import away
from tests.bus.kills import kills
from tests.bus.throughput import throughput


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("kills")
    one.add_argument("--rounds", type=int, default=20)
    one.add_argument("--rate", type=int, default=2000, help="signals a second")
    one.add_argument("--seed", type=int, default=1)
    one = kinds.add_parser("away")
    one.add_argument("--seconds", type=float, default=120.0)
    one.add_argument("--rate", type=int, default=2000, help="signals a second")
    kinds.add_parser("throughput")
    given = parser.parse_args()
    if given.kind == "kills":
        return int(not asyncio.run(kills(given.rounds, given.rate, given.seed)))
    if given.kind == "throughput":
        return int(not asyncio.run(throughput()))
    return int(not asyncio.run(away(given.seconds, given.rate)))


if __name__ == "__main__":
    sys.exit(main())
