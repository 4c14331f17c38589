"""The command line: one small file for each command; heavy libraries are imported by the command that needs them."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Mistakes by the operator print one line each on stderr and exit with code 2."""
    from monitor.cli.app import app
    from monitor.errors import OperatorError

    try:
        app()
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # the command line prints its own errors
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # `stormwatch … | head`
        sys.stderr.close()
        raise SystemExit(0) from None
