"""`backprop train`: from options to a training, its report and its files.

Nothing is written but what an option names, and that only when the training is over; the checkpoint
alone is written on the way too.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from backprop_symbolic.errors import BadSetting, Interrupted, quoted, unknown
from backprop_symbolic.numeric import checkpoint, outcome
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.numeric.session import Request, Session, prepare
from backprop_symbolic.numeric.train import Plan

#: Options that belong to some optimisers only.
HYPERPARAMETERS = ("momentum", "alpha", "beta1", "beta2", "epsilon")
#: How often in all the progress bar moves.
MOVES = 200

Options = Mapping[str, Any]
Watch = Callable[[int, float, Any], None]


def train(options: Options, target: tuple[Any, Any, Any], write: Callable[[str, str | None], None]) -> None:
    """Trains as `options` say, `target` being what, its sources of values, and its notation.

    Raises Interrupted after Ctrl-C, and every error of preparing, training and writing.
    """
    _check(options)
    what, sources, style = target
    data = None if options["data"] is None else Path(options["data"])
    session = prepare(
        Request(
            what, sources, data, _plan(options), options["rate"], options["shuffle"], options["seed"],
            options["sequential"], options["form"], options["dtype"], style, options["sample"],
        )
    )  # fmt: skip
    if options["resume"] is not None:
        checkpoint.restore(options["resume"], session.trainer, session.about)
    every_row = options["every_row"]
    told = outcome.Report(session, with_weights=every_row is not None)
    with ExitStack() as stack:
        watches: list[Watch] = [] if every_row is None else [told.every(every_row)]
        if options["log"] is not None:
            watches.append(stack.enter_context(outcome.logging(options["log"], session)))
        told.first()
        _run(session, options, watches)
        last = told.last()
        for watch in watches[every_row is not None :]:
            watch(last.iteration, last.error, last.parameters)
    if options["save"] is not None:
        outcome.save(options["save"], session)
    if options["plot_file"] is not None:
        outcome.plot(options["plot_file"], told, options["lang"])
    write(outcome.write(told, options["format_"], options["lang"], options["digits"]), options["output"])


def _check(options: Options) -> None:
    """Refuses what can be refused before anything is computed."""
    from backprop_symbolic.wording import messages

    messages(options["lang"])
    if options["format_"] not in outcome.FORMATS:
        raise unknown("format", options["format_"], outcome.FORMATS)
    for name, allowed in (("log", outcome.LOGS), ("save", outcome.SAVES)):
        if options[name] is not None:
            outcome.ending(options[name], allowed, f"--{name}")
    if options["plot_file"] is not None:
        from backprop_symbolic import plots

        plots.format_of(options["plot_file"])
        plots.ready(options["lang"])
    for name in ("every", "every_row"):
        if options[name] is not None and options[name] < 1:
            shown = "--every" if name == "every" else "--table"
            raise BadSetting(f"{shown} {options[name]}: it must be at least 1")
    if options["every"] is not None and options["checkpoint"] is None:
        raise BadSetting("--every says how often a checkpoint is written: name its file with --checkpoint")


def _plan(options: Options) -> Plan:
    """The plan, with the hyperparameters that were given; the learning rate is settled later."""
    optimizer = optimizers.get(options["optimizer"])
    given = {name: options[name] for name in HYPERPARAMETERS if options[name] is not None}
    known = [s.name for s in optimizer.settings]
    for name in given:
        if name not in known:
            listed = f"it has {' '.join(f'--{n}' for n in known)}" if known else "it has none"
            raise BadSetting(f"--{name} is no hyperparameter of {optimizer.name}: {listed}")
    return Plan(
        optimizer.name,
        given,
        batch=options["batch"],
        iterations=options["iterations"],
        until_error=options["until_error"],
        patience=options["patience"],
    )


# ---------------------------------------------------------------- running


def _run(session: Session, options: Options, watches: list[Watch]) -> None:
    """Trains to the end; writes the checkpoint where one is named. Raises Interrupted."""
    trainer, path, every = session.trainer, options["checkpoint"], options["every"]
    with _interrupts() as pressed, _progress(trainer.plan.iterations, trainer.iteration) as move:
        for done in trainer.steps(_all(watches)):
            if every is not None and done % every == 0:
                checkpoint.save(path, trainer, session.about)
            move(done)
            if pressed and not trainer.reason:
                break
    if path is not None:
        checkpoint.save(path, trainer, session.about)
    if not trainer.reason:
        kept = (
            f"go on with --resume {quoted(path, 200)}"
            if path
            else "nothing was kept: there is no --checkpoint"
        )
        raise Interrupted(f"interrupted after iteration {trainer.iteration}; {kept}")


def _all(watches: list[Watch]) -> Watch | None:
    """One function that tells all."""
    if len(watches) < 2:
        return watches[0] if watches else None

    def watch(iteration: int, error: float, parameters: Any) -> None:
        for one in watches:
            one(iteration, error, parameters)

    return watch


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """A list that Ctrl-C fills, so that an update is never left half done; pressed again it stops at once."""
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(whole: int, begun: int) -> Iterator[Callable[[int], None]]:
    """A function to be told how many iterations are done: a bar on stderr, where that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done: None
        return
    share = max(1, whole // MOVES)
    with click.progressbar(length=whole, file=sys.stderr) as bar:
        bar.update(begun)

        def move(done: int) -> None:
            if done % share == 0:
                bar.update(share)

        yield move
