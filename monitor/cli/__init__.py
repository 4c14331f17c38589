"""The command line: one small file for each command; heavy libraries are imported by the command that needs them."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any


def main(arguments: list[str] | None = None) -> None:
    """Run the command line (default: the process's own arguments).

    Mistakes by the operator print one line each on stderr and exit with code 2.
    """
    from monitor.cli.usage import UsageError, of_usage
    from monitor.errors import OperatorError

    try:
        code = _command().main(args=arguments, prog_name="stormwatch", standalone_mode=False)
    except OperatorError as error:
        _tell(error)
    except UsageError as error:
        if type(error).__name__ != "NoArgsIsHelpError":
            _tell(of_usage(error))
        print(error, file=sys.stderr)  # noqa: T201  # the help of a command that needs another
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # `stormwatch … | head`
        sys.stderr.close()
        raise SystemExit(0) from None
    raise SystemExit(code if isinstance(code, int) else 0)


@cache
def _command() -> Any:
    from typer.main import get_command

    from monitor.cli.app import app
    from monitor.cli.usage import gathering

    return gathering(get_command(app))


def _tell(error: object) -> None:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201  # the command line prints its own errors
    raise SystemExit(2) from None
