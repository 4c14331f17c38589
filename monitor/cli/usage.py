"""Tells wrong commands, options and arguments as every other mistake: one line each, all at once, with what is allowed.

The command line's own library tells only the first, in a box, and below a summary of the command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import typer

from monitor.errors import Mistakes, OperatorError, nearest

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What is raised for a wrong command line; typer does not export it by its name."""
_BOUND = re.compile(r"(greater|less) than( or equal to)? (-?[\d.]+)")
_KINDS = {"valid integer": "a whole number", "valid number": "a number", "valid boolean": "true or false"}


def gathering(command: Any) -> Any:
    """The command, and all commands below it, made to tell every mistake of a command line at once, as OperatorError."""
    found: list[OperatorError] = []
    for param in command.params:
        param.handle_parse_result = partial(_param, param, param.handle_parse_result, found)
    command.parse_args = partial(_parse, command, command.parse_args, found)
    for one in getattr(command, "commands", {}).values():
        gathering(one)
    return command


def _param(param: Any, handle: Callable[..., Any], found: list[OperatorError], ctx: Any, opts: Any, args: Any) -> Any:
    try:
        return handle(ctx, opts, args)
    except UsageError as error:
        if ctx.resilient_parsing:
            raise
        found.append(_wrong(param, opts, str(error)))
        return None, args


def _parse(command: Any, parse: Callable[..., Any], found: list[OperatorError], ctx: Any, args: list[str]) -> Any:
    mistakes, unknown = Mistakes(), False
    for _ in range(len(args) + 1):
        found.clear()
        try:
            rest = parse(ctx, list(args))
        except UsageError as error:
            name = getattr(error, "option_name", "")
            if type(error).__name__ == "NoArgsIsHelpError" and not unknown:
                raise
            if type(error).__name__ == "NoSuchOption" and any(one.partition("=")[0] == name for one in args):
                mistakes.add(_unknown(command, name))
                args = [one for one in args if one.partition("=")[0] != name]
                unknown = True
                if args:
                    continue
                break
            if not unknown or name:  # else: what stood behind an option that does not exist
                found.append(of_usage(error))
        break
    for one in found:
        mistakes.add(one)
    mistakes.tell()
    return rest


def of_usage(error: Any) -> OperatorError:
    """A wrong command line as the operator's mistake."""
    words = error.format_message()
    commands: Mapping[str, object] = getattr(getattr(error.ctx, "command", None), "commands", {})
    if commands and (named := re.search(r"'([^']*)'", words)):
        return OperatorError("COMMAND", named[1], ", ".join(commands), nearest(named[1], list(commands)))
    if getattr(error, "option_name", ""):
        return OperatorError(error.option_name, None, "a value behind it", "give it, or leave the option out")
    if extra := re.search(r"unexpected extra argument\w*(?:\(s\))? \((.*)\)", words):
        return OperatorError("ARGUMENTS", extra[1], "no further arguments", "leave it out, or put it in quotes")
    return OperatorError("ARGUMENTS", words, "what --help says", "correct it")


def _unknown(command: Any, name: str) -> OperatorError:
    known = [opt for param in command.params for opt in (*param.opts, *param.secondary_opts) if opt.startswith("-")]
    return OperatorError("OPTION", name, ", ".join([*known, "--help"]), nearest(name, [*known, "--help"]))


def _wrong(param: Any, opts: Mapping[str, Any], words: str) -> OperatorError:
    long = [one for one in param.opts if one.startswith("--")]
    name = long[0] if long else str(param.name).upper()
    value = opts.get(param.name)
    if value is None or value == "":
        return OperatorError(name, None, (param.help or "a value").rstrip("."), "it must be given")
    bound = _BOUND.search(words)
    if bound is not None:
        side = {"greater": "at least" if bound[2] else "above", "less": "at most" if bound[2] else "below"}[bound[1]]
        allowed = f"a number of {side} {bound[3]}"
    else:
        allowed = next((kind for part, kind in _KINDS.items() if part in words), words)
    return OperatorError(name, value if isinstance(value, str) else str(value), allowed, "correct it")
