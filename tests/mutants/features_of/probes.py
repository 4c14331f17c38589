"""Lists what users rely on in the probes, and for each feature the smallest edit that removes it."""

from __future__ import annotations

from tests.mutants.feature import Feature, swap

FEATURES = (
    Feature("a request never starts before Retry-After has passed", "probes.rest.budget", "Budgets.wait_until", "pass"),
    swap("the last tenth of a budget is never spent", "probes.rest.budget", "Budgets._share", "1 - RESERVE", "1"),
    swap(
        "statistics leave a part of the budget to books and signs of life",
        "probes.rest.budget",
        "Budgets._share",
        "SHARES[priority]",
        "1 - RESERVE",
    ),
    swap(
        "a throttling silences its own budget only",
        "probes.rest.budget",
        "Budgets.wait_until",
        "self._budget_scope(call), until_s",
        'Scope("host", call.host), until_s',
    ),
    swap(
        "a header of one host says nothing about another's budget",
        "probes.rest.budget",
        "Budgets.learn",
        "call.host not in budget.hosts",
        "False",
    ),
    Feature(
        "the used budget that a venue reports replaces our own count", "probes.rest.budget", "Budgets.learn", "return"
    ),
    Feature("a Retry-After header is read", "probes.rest.refusals", "retry_after_s", "return None"),
    swap(
        "a stated wait has a ceiling",
        "probes.rest.budget",
        "Budgets.wait_until",
        "min(until_s, now_s + max_wait_s(kind))",
        "until_s",
    ),
    swap(
        "a wait is tried now and then",
        "probes.rest.floors",
        "Floor.allows",
        "(trial and now_s >= self.trial_s)",
        "False",
    ),
    swap("the pauses between trials double", "probes.rest.floors", "Floor.sent", "2 * self.pause_s", "self.pause_s"),
    Feature("a good answer ends a throttling", "probes.rest.budget", "Budgets.answered", "pass"),
    Feature("a redirected handshake is refused", "probes.rest.http", "refuse_redirect", "return None"),
    swap(
        "a redirect has a kind of its own", "probes.rest.refusals", "by_answer", "if status in REDIRECTS:", "if False:"
    ),
    Feature("a web page in place of an answer is a refusal", "probes.rest.refusals", "is_html", "return False"),
    swap(
        "the pause before a feed reconnects doubles",
        "probes.feeds.backoff",
        "BackOff.after",
        "2 * self._bound_s",
        "self._bound_s",
    ),
    swap(
        "a silent feed is reported",
        "probes.feeds.interpreter",
        "FeedReader.second",
        "and not self._silent",
        "and False",
    ),
    swap(
        "liquidations from before the subscription are marked as backlog",
        "probes.feeds.interpreter",
        "FeedReader._order",
        "replace(message, backlog=True) if self._is_backlog(message) else message",
        "message",
    ),
    swap(
        "a sequence gap in a feed is reported",
        "probes.feeds.books",
        "FeedBooks.change",
        "is not Applied.GAP",
        "is Applied.GAP",
    ),
    Feature(
        "a sequence gap requests a new snapshot or connection",
        "probes.feeds.books",
        "FeedBooks.snapshots_needed",
        "return []",
    ),
    Feature("a book accepts only the next number of its sequence", "probes.book", "Book._follows", "return True"),
    swap("a crossed book is reported", "probes.book", "Book._state", "if best_bid >= best_ask:", "if False:"),
    swap("a frozen book is reported", "probes.book", "Book._state", "> frozen_after_s", "> 1e12"),
    swap(
        "the error bound of a clock offset is half the round trip",
        "probes.clock_offset",
        "ClockOffset.best",
        "rtt_s / 2",
        "0.0",
    ),
    swap(
        "the clock offset of the fastest answer is used",
        "probes.clock_offset",
        "ClockOffset.best",
        "min(self._samples, key=lambda one: one[1])",
        "self._samples[-1]",
    ),
    swap(
        "latency counts from the scheduled time of the check",
        "probes.rest.interpreter",
        "request_reading",
        "(got.received_at - slot.scheduled_at)",
        "(got.received_at - got.sent_at)",
    ),
)
