"""`python -m tests.mutants [features]`: small faults in the code, one at a time, each of which some test must notice.

`make mutants` calls it: first the table of whole features, then a seeded sample of single edits. The tests of an edit are
those that run its lines, measured once and kept in `.mutants/`.
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
    """Run what the command line asks for. Gives the exit code."""
    words = _words()
    warm()
    selection = measured(words.jobs)
    selection.most_s = words.most_s
    code = 0
    if words.what in ("all", "features"):
        code = features.run_all(selection, words.jobs, tuple(words.only))
    if words.what in ("all", "edits"):
        since = time.monotonic()
        judged = judge(sample(words.seed, words.count, tuple(words.only)), selection, words.jobs)
        print(f"seed {words.seed}")
        code |= report.say(judged, report.accepted(), time.monotonic() - since)
    return code


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("all", "edits", "features"), default="all")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another sample")
    parser.add_argument("--count", type=int, default=600, help="how many single edits, over all modules")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="modules, e.g. 'monitor/detect/*'")
    parser.add_argument("--most-s", type=float, default=20.0, help="measured seconds of the tests of one edit")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="forks at a time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
