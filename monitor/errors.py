"""Reports an operator's mistake in one line: the key, the value, what is allowed, and the remedy.

The command line prints it without a traceback and exits with 2. Values are shown as given, so callers pass secrets
already redacted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from monitor.signals.plain_text import one_line

MAX_CHARS = 2000
"""The longest line of an error: a value may be a whole file."""
MAX_MISTAKES = 50


class OperatorError(Exception):
    """A mistake in settings, arguments or input files, with its remedy."""

    def __init__(self, key: str, value: object, allowed: str, remedy: str) -> None:
        super().__init__(key, value, allowed, remedy)
        self.key = key
        self.value = value
        self.allowed = allowed
        self.remedy = remedy

    def __str__(self) -> str:
        shown = self.value if isinstance(self.value, str) else repr(self.value)
        wrong = "is missing" if self.value is None else f"{shown!r} is not usable"
        text = f"{self.key}: {wrong}; allowed: {self.allowed}; {self.remedy}"
        return one_line(" ".join(text.split()), MAX_CHARS)


def nearest(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Advice with the nearest known name; if none is near, advice to choose one that the error allows."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "choose one of them" if known else "there is none to choose"


class SeveralMistakes(OperatorError):
    """Several mistakes, each in a line of its own, so that an operator corrects them all at once."""

    def __init__(self, mistakes: Sequence[OperatorError]) -> None:
        first = mistakes[0]
        super().__init__(first.key, first.value, first.allowed, first.remedy)
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        lines = [str(one) for one in self.mistakes[:MAX_MISTAKES]]
        left = len(self.mistakes) - len(lines)
        return "\n       ".join([*lines, f"and {left} more"] if left else lines)


def each(error: OperatorError) -> tuple[OperatorError, ...]:
    """The mistakes that an error tells: one, or several."""
    return error.mistakes if isinstance(error, SeveralMistakes) else (error,)


def check_all(*checks: Callable[[], object]) -> None:
    """Make every check, whatever the others find. Raises OperatorError with the mistakes of all."""
    mistakes = Mistakes()
    for check in checks:
        with mistakes:
            check()
    mistakes.tell()


class Mistakes:
    """Gathers mistakes: each `with` block may raise one, and `tell` raises them all."""

    def __init__(self) -> None:
        self._found: list[OperatorError] = []

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, OperatorError):
            return False
        self.add(error)
        return True

    def __len__(self) -> int:
        return len(self._found)

    def add(self, mistake: OperatorError) -> None:
        """Take a mistake, or each of several."""
        self._found += each(mistake)

    def tell(self) -> None:
        """Raise what was found, if anything was."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise SeveralMistakes(self._found)
