"""`stormwatch score`: measures the judgement, on simulated cases with a known truth or on a recording."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Json, note, print_json, print_table, settings_from

if TYPE_CHECKING:
    from monitor.correlator import CorrelatorSettings
    from monitor.drill.score.campaign import Order, Result
    from monitor.drill.score.report import Score

QUIET_S = 2.0
"""Progress is told when a run takes longer, at most so often."""

EXAMPLES = """Measure the judgement: simulated cases with a known truth, or a recording.

\b
stormwatch score                               48 training and 48 judged seeds, all kinds
stormwatch score --seeds 400 --train 100       the figures of docs/score.md
stormwatch score --kinds cascade,outage --venues 14
stormwatch score --ablate coverage             what coverage is worth
stormwatch score --seed 1000004 -o case.jsonl.gz   one case as a recording, for `replay`
stormwatch score FILE --truth truth.toml       a recording against what was true
stormwatch score FILE --settings new.toml      what other settings would have changed
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("score", help=EXAMPLES)(score)


def score(
    recording: Annotated[
        Path | None, typer.Argument(help="Judge this recording instead of simulated cases.", show_default=False)
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="What was true of the recording (docs/score.md).", show_default=False)
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(help="Judge again under this file's correlator settings and compare.", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many judged seeds.")] = 48,
    train: Annotated[int, typer.Option(help="How many training seeds.")] = 48,
    kinds: Annotated[str, typer.Option(help='Only these kinds, such as "cascade,outage".')] = "",
    venues: Annotated[str, typer.Option(help="Sizes of worlds, in venues.")] = "1,4,14",
    ablate: Annotated[str, typer.Option(help="Do without coverage, pooling, attribution (several with commas).")] = "",
    seed: Annotated[int | None, typer.Option(help="Run this seed alone.", show_default=False)] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="With --seed: write its signals as a recording.", show_default=False),
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Cores to use (default: all).", show_default=False)] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the kinds of case.")] = False,
    json: Json = False,
) -> None:
    """Measure the judgement."""
    if list_:
        _list(json)
        return
    if recording is not None:
        _recording(recording, truth, settings, json)
        return
    _refuse_of_recordings(truth)
    from monitor.errors import check_all

    check_all(
        lambda: _order(kinds, venues, ablate, jobs),
        lambda: None if settings is None else settings_from(settings),
        lambda: None if out is not None else _seeds_in_range(seeds, train, seed),
    )
    order = _order(kinds, venues, ablate, jobs)
    chosen = None if settings is None else settings_from(settings).correlator
    if out is not None:
        _save(seed, order, out)
        return
    _simulated(order, _sets(seeds, train, seed), chosen, str(settings), json)


def _list(json: bool) -> None:
    from monitor.drill.score.case import KINDS

    for name in KINDS.names():
        title = KINDS.get(name).title
        if json:
            print_json({"kind": name, "title": title})
        else:
            typer.echo(f"{name}: {title}")


def _refuse_of_recordings(truth: Path | None) -> None:
    from monitor.errors import OperatorError

    if truth is not None:
        raise OperatorError(
            "--truth", str(truth), "with a recording", "simulated cases know their truth: name a recording"
        )


def _order(kinds: str, venues: str, ablate: str, jobs: int | None) -> Order:
    """What was asked for. Raises OperatorError."""
    from monitor.correlator.parts import Part
    from monitor.drill.score.campaign import Order, cores
    from monitor.drill.score.case import KINDS
    from monitor.errors import Mistakes, OperatorError, nearest

    mistakes = Mistakes()
    names, sizes = _words(kinds), []
    parts = tuple(part.value for part in Part)
    for key, words, known in (("--kinds", names, KINDS.names()), ("--ablate", _words(ablate), parts)):
        for one in words:
            if one not in known:
                mistakes.add(OperatorError(key, one, ", ".join(known), nearest(one, known)))
    for one in _words(venues) or (venues,):
        if one.isascii() and one.isdigit() and 1 <= int(one) <= 50:
            sizes.append(int(one))
        else:
            allowed = "numbers of venues from 1 to 50, with commas"
            mistakes.add(OperatorError("--venues", one, allowed, 'such as "1,4,14"'))
    if jobs is not None and not 1 <= jobs <= 256:
        mistakes.add(OperatorError("--jobs", jobs, "a number from 1 to 256", f"this process may use {cores()} cores"))
    mistakes.tell()
    return Order(
        kinds=names,
        venues=tuple(sizes),
        without=frozenset(map(Part, _words(ablate))),
        jobs=cores() if jobs is None else jobs,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))


def _seeds_in_range(seeds: int, train: int, seed: int | None) -> None:
    from monitor.drill.score.campaign import MAX_SEEDS
    from monitor.errors import OperatorError

    for key, value in (("--seeds", seeds), ("--train", train)):
        if not 0 <= value < MAX_SEEDS:
            raise OperatorError(key, value, f"a number from 0 to {MAX_SEEDS - 1}", "correct it")
    if seed is None and not seeds and not train:
        raise OperatorError("--seeds", seeds, "one seed or more, of either set", "give --seeds or --train")
    if seed is not None and not 0 <= seed < 2**63:
        raise OperatorError("--seed", seed, "a whole number that is not negative", "correct it")


def _sets(seeds: int, train: int, seed: int | None) -> list[tuple[str, range]]:
    from monitor.drill.score.campaign import FIRST_JUDGED, FIRST_TRAINING

    if seed is not None:
        return [("this seed", range(seed, seed + 1))]
    sets = [
        ("training", range(FIRST_TRAINING, FIRST_TRAINING + train)),
        ("judged", range(FIRST_JUDGED, FIRST_JUDGED + seeds)),
    ]
    return [(name, some) for name, some in sets if some]


def _simulated(
    order: Order, sets: list[tuple[str, range]], other: CorrelatorSettings | None, file: str, json: bool
) -> None:
    from dataclasses import replace

    from monitor.drill.score.campaign import results, size_of
    from monitor.drill.score.case import KINDS
    from monitor.drill.score.report import score_of, set_score

    began = time.perf_counter()
    columns = [(name, some, order, "defaults") for name, some in sets]
    if other is not None:
        columns += [(f"{name}, {Path(file).name}", some, replace(order, settings=other), file) for name, some in sets]
    show = _progress([size_of(seed, one) for _, some, one, _ in columns for seed in some], order)
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        scored = [set_score(name, some[0], title, results(some, one, show)) for name, some, one, title in columns]
    finally:
        signal.signal(signal.SIGTERM, before)
    made = score_of(order, order.kinds or KINDS.names(), scored, time.perf_counter() - began)
    if json:
        print_json(made)
    else:
        _print(made)


def _terminated(number: int, _: object) -> None:
    """End the workers too."""
    raise SystemExit(128 + number)


def _progress(sizes: Sequence[float], order: Order) -> Callable[[Result], None]:
    """Tell on stderr how many seeds are done, if it takes longer than `QUIET_S`. The time left goes by what they cost."""
    from monitor.drill.score.campaign import size_of

    printed_s = began = time.monotonic()
    done, done_size, whole = 0, 0.0, sum(sizes)

    def show(one: Result) -> None:
        nonlocal printed_s, done, done_size
        done, done_size = done + 1, done_size + size_of(one.seed, order)
        now_s = time.monotonic()
        if now_s - printed_s >= QUIET_S and done < len(sizes):
            printed_s = now_s
            left_s = (now_s - began) * (whole / done_size - 1)
            note(f"{done} of {len(sizes)} seeds, about {left_s:.0f} s left")

    return show


def _print(made: Score) -> None:
    from monitor.cli.render import score as render

    columns = render.titles(made)
    print_table("Score", columns, render.figures_table(made), whole=columns)
    for one in made.sets:
        rows = render.reliability_table(one.together)
        print_table(f"Stated and true: {one.name}", ("p", "seconds", "stated", "true"), rows)
        print_table(f"Kinds: {one.name}", render.KIND_COLUMNS, render.kinds_table(one.by_kind), whole=("kind",))
        print_table(f"Mistakes: {one.name}", render.MISTAKE_COLUMNS, render.mistakes_table(one), whole=("seed",))
        sizes = ("venues", *render.KIND_COLUMNS[1:])
        print_table(f"Venues: {one.name}", sizes, render.kinds_table(one.by_venues))
    typer.echo(render.closing(made))


def _save(seed: int | None, order: Order, out: Path) -> None:
    """Write the signals of one seed's world and case, its quiet past in front, as a recording."""
    from monitor.drill.score.campaign import chosen, saved
    from monitor.drill.score.case import KINDS
    from monitor.errors import OperatorError

    if seed is None:
        raise OperatorError("--out", str(out), "with --seed", "name the seed whose signals are wanted")
    kind, world = chosen(seed, order.kinds or KINDS.names(), order.venues)
    try:
        truth = saved(seed, order, out)
    except OSError as error:
        raise OperatorError("--out", str(out), "a file that can be written", str(error.strerror or error)) from None
    note(f"{out}: {kind}, {len(world.venues)} venues; its truth: {truth}")


def _recording(path: Path, truth: Path | None, settings: Path | None, json: bool) -> None:
    from monitor.cli.render import score as render
    from monitor.drill.score.compare import compared, incidents
    from monitor.drill.score.recordings import judged, marked, read_truth
    from monitor.drill.score.report import RecordingScore
    from monitor.drill.score.summary import figures

    truths = None if truth is None else read_truth(truth)
    other = None if settings is None else settings_from(settings).correlator
    trial = judged(path)
    found = incidents(trial.told)
    after = None if other is None else judged(path, other)
    changes = None if after is None else compared(found, incidents(after.told))
    made = RecordingScore(
        recording=str(path),
        signals=trial.signals,
        incidents=tuple(found),
        figures={} if truths is None else {name: figures([one]) for name, one in marked(trial, truths).items()},
        changes=None if changes is None else tuple(changes),
        figures_after={}
        if truths is None or after is None
        else {name: figures([one]) for name, one in marked(after, truths).items()},
    )
    if json:
        print_json(made)
        return
    print_table("Incidents", render.INCIDENT_COLUMNS, render.incidents_table(made.incidents), whole=("scope",))
    if changes is not None:
        print_table(f"Under {settings}", render.CHANGE_COLUMNS, render.changes_table(changes), whole=("scope",))
    for title, some in (
        ("Against the truth", made.figures),
        (f"Against the truth, under {settings}", made.figures_after),
    ):
        if some:
            print_table(title, ("asset", *render.KIND_COLUMNS[1:]), render.kinds_table(some))
    typer.echo(f"{made.signals:,} signals")
