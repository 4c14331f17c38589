"""Sends log lines to stderr, one line each and without secrets, and to telemetry if that takes them.

A line names venues, chains and clients, and may come thousands of times a second: what is shown is one line of printable
characters, of bounded length, and each message passes a bounded number of times a minute.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from monitor.settings.tree import LogLevel
from monitor.signals.plain_text import one_line
from monitor.telemetry.redact import redact

WINDOW_S = 60.0
MAX_OWN = 20
"""Lines of one of our messages in a window, whatever its arguments."""
MAX_FOREIGN = 1
"""The same for messages of libraries."""
MAX_MESSAGES = 512
"""Messages that are counted at once; beyond, the oldest is forgotten."""
MAX_CHARS = 16_384
_OURS = "stormwatch"


class RedactingFormatter(logging.Formatter):
    """Formats a record, its traceback included, and hides secrets in the whole of it: an error often quotes a URL.

    The message becomes one line. Each line of a traceback is indented, so that no text from outside looks like a line of ours.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the standard library's name
        """The line of a record without its traceback."""
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The text of one record without secrets."""
        text = redact(super().format(record))
        if len(text) > MAX_CHARS:  # the last lines of a traceback name the error
            text = f"{text[: MAX_CHARS // 4]} [… {len(text) - MAX_CHARS} characters …] {text[-3 * MAX_CHARS // 4 :]}"
        return "\n  ".join(map(one_line, text.split("\n")))


@dataclass(slots=True)
class _Window:
    began_s: float
    passed: int = 0
    held_back: int = 0


class BoundedHandler(logging.Handler):
    """Passes records to another handler, the same message at most so many times a minute, and says how many it held back.

    A message is its template, its logger and the type of its exception: arguments come from outside and would make each line
    a message of its own. How many were held back is said before the next line of any message, or at the end.
    """

    def __init__(self, inner: logging.Handler, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(inner.level)
        self.inner = inner
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str, str], _Window] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, or count it."""
        now_s = self._clock()
        self._say_held_back(lambda one: now_s - one.began_s >= WINDOW_S)
        window = self._window(_message(record), now_s)
        if window.passed >= (MAX_OWN if record.name.partition(".")[0] == _OURS else MAX_FOREIGN):
            window.held_back += 1
            return
        window.passed += 1
        self.inner.handle(record)

    def close(self) -> None:
        """Say what was held back, and close the other handler."""
        self.acquire()
        try:
            self._say_held_back(lambda _one: True)
        finally:
            self.release()
        self.inner.close()
        super().close()

    def flush(self) -> None:
        """Flush the other handler."""
        self.inner.flush()

    def _window(self, message: tuple[str, str, str], now_s: float) -> _Window:
        window = self._windows.get(message)
        if window is None:
            while len(self._windows) >= MAX_MESSAGES:
                forgotten, oldest = self._windows.popitem(last=False)
                self._say(forgotten, oldest)
            window = self._windows[message] = _Window(now_s)
        return window

    def _say_held_back(self, is_over: Callable[[_Window], bool]) -> None:
        while self._windows:  # in the order in which they began
            message, window = next(iter(self._windows.items()))
            if not is_over(window):
                return
            del self._windows[message]
            self._say(message, window)

    def _say(self, message: tuple[str, str, str], window: _Window) -> None:
        if window.held_back:
            name, template, _kind = message
            text = f"{window.held_back} more lines like this were held back: {one_line(template, 200)}"
            self.inner.handle(logging.LogRecord(name, logging.WARNING, __file__, 0, text, None, None))


def _message(record: logging.LogRecord) -> tuple[str, str, str]:
    """The logger, the template and the exception's type. asyncio's messages name sockets and tasks from their second line on."""
    kind = record.exc_info[0] if record.exc_info else None
    return record.name, str(record.msg).partition("\n")[0][:500], "" if kind is None else kind.__name__


def set_level(level: LogLevel) -> None:
    """Show lines of our own from this level on; of libraries from warning on, or from `level` if that is higher."""
    number = logging.getLevelNamesMapping()[level.value.upper()]
    logging.getLogger(_OURS).setLevel(number)
    logging.getLogger().setLevel(max(number, logging.WARNING))


def set_up_logs(verbose: bool, telemetry: logging.Handler | None = None) -> None:
    """Set up logging, once, at the start of a command that runs for a long time."""
    screen = logging.StreamHandler()
    screen.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [BoundedHandler(one) for one in (screen, telemetry) if one is not None]
    set_level(LogLevel.DEBUG if verbose else LogLevel.INFO)
