"""Plants small faults in the code, one at a time; some test must fail for each: `python -m tests.mutants [features]`.

`make mutants` calls it: first the table of whole features, then a seeded sample of single edits. The tests of an edit are
those that run its lines, measured once and stored in `.mutants/`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.mutants import features, report
from tests.mutants.forks import warm
from tests.mutants.judging import judge
from tests.mutants.sampling import sample
from tests.mutants.selection import measured


def main() -> int:
    """Run the commands of the command line; return the exit code."""
    arguments = _arguments()
    warm()
    selection = measured(arguments.jobs)
    selection.max_s = arguments.max_s
    code = 0
    if arguments.what in ("all", "features"):
        code = features.run_all(selection, arguments.jobs, tuple(arguments.only))
    if arguments.what in ("all", "edits"):
        since = time.monotonic()
        judged = judge(sample(arguments.seed, arguments.count, tuple(arguments.only)), selection, arguments.jobs)
        print(f"seed {arguments.seed}")
        code |= report.print_report(judged, report.accepted(), time.monotonic() - since)
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("all", "edits", "features"), default="all")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another sample")
    parser.add_argument("--count", type=int, default=660, help="how many single edits, over all modules")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="modules, e.g. 'monitor/detect/*'")
    parser.add_argument("--max-s", type=float, default=20.0, help="measured seconds of the tests of one edit")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="forks at a time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
