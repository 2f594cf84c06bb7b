"""The command line: parsing and writing at the edge, everything else in the library.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from backprop_symbolic import __version__
from backprop_symbolic.errors import BackpropError, BadGraph, Interrupted, OutputRefused, quoted, unknown
from backprop_symbolic.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from backprop_symbolic.derivation import Derivation
    from backprop_symbolic.formal.command import Proved
    from backprop_symbolic.formal.script import Script
    from backprop_symbolic.graph import Graph
    from backprop_symbolic.numeric.values import Source, Values
    from backprop_symbolic.review.contextfile import ContextFile
    from backprop_symbolic.spec import Network

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


Command = TypeVar("Command", bound="Callable[..., Any]")


#: The options that say which network or graph is meant: name, metavar, help at length, help in short.
_NETWORK = (
    ("--network", "SIZES", "Units per layer, inputs first.  [default: 2-2-2]", ""),
    ("--activation", "NAME[,NAME…]",
     "One for all layers or one for each: sigmoid, 'elu(alpha=0.5)', softmax, … (see backprop list), or a "
     "formula in x.  [default: sigmoid]", "As for derive.  [default: sigmoid]"),
    ("--loss", "NAME",
     "half_sse, mse, softmax_cross_entropy, … (see backprop list), or a formula in t and o.  "
     "[default: half_sse]", "As for derive.  [default: half_sse]"),
    ("--l1", "NUMBER", "Add the penalty NUMBER · Σ|w| over the weights.", "As for derive."),
    ("--l2", "NUMBER", "Add the penalty NUMBER/2 · Σw² over the weights.", "As for derive."),
    ("--bias", "MODE",
     "1 (the constant 1), none, layer (one trainable b per layer), node (one per unit), fixed (one constant "
     "per layer).  [default: 1]", "1, none, layer, node or fixed.  [default: 1]"),
    ("--graph", "FILE",
     "Derive a scalar graph instead, written as text, one 'name = formula' a line; '-' is stdin.",
     "A scalar graph as text instead; '-' is stdin."),
    ("--notation", "NAME|FILE",
     "lecture (w31), layered (w^(2)_11), mazur (w1 … w8), or a TOML file.  [default: lecture]",
     "How weights are named.  [default: lecture]"),
)  # fmt: skip


def network_options(*, at_length: bool = False, penalties: bool = True) -> Callable[[Command], Command]:
    """The options that name a network or a graph, explained at length or by pointing to derive."""

    def decorate(command: Command) -> Command:
        for name, metavar, long, short in reversed(_NETWORK):
            if penalties or name not in ("--l1", "--l2"):
                names = (name, "graph_file") if name == "--graph" else (name,)
                text = long if at_length else short or long
                command = click.option(*names, metavar=metavar, help=text)(command)
        return command

    return decorate


def numbers_options(command: Command) -> Command:
    """The options that give numbers."""
    return known_numbers_options(
        click.option("--seed", type=int, metavar="N", help="Draw what is given nowhere else.")(command)
    )


def known_numbers_options(command: Command) -> Command:
    """The options that give numbers which somebody knows: none is drawn."""
    for option in reversed(
        [
            click.option(
                "--values", "values_files", metavar="FILE", multiple=True,
                help="Numbers for inputs, targets, weights, …: TOML, YAML, JSON or CSV. The file may state "
                "the network too. Repeatable; a later file wins.",
            ),
            click.option(
                "--set", "settings", metavar="NAME=NUMBER", multiple=True,
                help="One number, e.g. --set x1=0.05. Repeatable; wins over files.",
            ),
            click.option("--example", metavar="NAME", help="A published worked example, e.g. mazur."),
            click.option(
                "--sample", type=int, metavar="N", help="Which sample of a file of several, from 1."
            ),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@click.group("backprop", context_settings=CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="backprop-symbolic")
@click.pass_context
def cli(context: click.Context) -> None:
    """Write down backpropagation step by step, with no wrong line."""
    if context.invoked_subcommand is None:
        raise click.UsageError("no command given. See backprop --help.")


#: The options that say how a document is written; those marked are of documents with steps to choose from.
_OUTPUT = (
    (click.option("--format", "format_", metavar="NAME", default="latex", show_default=True,
                  help="latex, markdown, text, json, html, slides, pdf, beamer or notebook."), False),
    (click.option("--dialect", metavar="NAME",
                  help="With markdown: github, jekyll, myst, quarto, obsidian or jupyter.  "
                  "[default: github]"), False),
    (click.option("--standalone", is_flag=True,
                  help="With latex: a whole document, for xelatex or lualatex."), False),
    (click.option("--engine", metavar="NAME",
                  help="With pdf: typst, xelatex or lualatex.  [default: typst, which needs no TeX]"), False),
    (click.option("--lang", metavar="CODE", default="en", show_default=True,
                  help="Language: en, ko, or one of --template-dir."), False),
    (click.option("--detail", metavar="LEVEL", default="normal", show_default=True,
                  help="brief, normal, or full (every line, every proof repeated where it is used)."), True),
    (click.option("--strict", is_flag=True, help="Decide every step by exact cancellation too."), True),
    (click.option("--template-dir", metavar="DIR", help="Templates and sentences of yours, by name, before "
                  "ours."), False),
    (click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout."),
     False),
)  # fmt: skip


def output_options(*, detail: bool = True) -> Callable[[Command], Command]:
    """The options that say how a document is written, the same for every command that writes one."""

    def decorate(command: Command) -> Command:
        for option, of_details in reversed(_OUTPUT):
            command = option(command) if detail or not of_details else command
        return command

    return decorate


@cli.command(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="backprop-symbolic")
@click.option(
    "--weight",
    metavar="NAME",
    help="Weight or bias to derive, named as the notation does (w31), several between "
    "blanks ('w31 w11'), or 'all'. Required, but for an example, which is derived as a whole.",
)
@network_options(at_length=True)
@output_options()
@numbers_options
@click.option(
    "--digits", type=int, metavar="N",
    help="Significant digits with which numbers are shown; all are computed in full.  [default: 4]",
)  # fmt: skip
@click.option("--proved", is_flag=True, help="Have Coq check every step now, and say so at the end; "
              "needs coqc, see backprop prove.")  # fmt: skip
def derive(
    weight: str | None,
    network: str | None,
    activation: str | None,
    loss: str | None,
    l1: str | None,
    l2: str | None,
    bias: str | None,
    graph_file: str | None,
    notation: str | None,
    values_files: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int | None,
    example: str | None,
    sample: int | None,
    digits: int | None,
    proved: bool,
    **out: Any,
) -> None:
    """Derive ∂E/∂WEIGHT step by step.

    Every line is verified before it is printed. With --values, --set, --seed or --example each
    formula is followed by a line with the numbers put in and the result.
    """
    if weight is None and example is None:
        raise click.UsageError("Missing option '--weight'.")
    look = _look(out)
    from backprop_symbolic import api

    given = {"--network": network, "--activation": activation, "--loss": loss, "--bias": bias}
    given |= {"--l1": l1, "--l2": l2}
    numbered = bool(values_files or settings or seed is not None or example is not None)
    for option, number in (("--digits", digits), ("--sample", sample)):
        if number is not None and not numbered:
            raise click.UsageError(f"{option} goes with --values, --set, --seed or --example")
    sources = _sources(values_files, settings, example)
    prover = _prover(proved)
    graph = _stated_graph(graph_file, notation, given, sources)
    values = _values(graph, sources, seed, sample) if numbered else None
    wanted = "all" if weight is None else weight
    names: str | list[str] = "all" if wanted.strip() == "all" else wanted.split() or [wanted]
    result = api.derive(graph, names, **_manner(out))
    if prover is not None:
        result = replace(result, derivation=prover(result.derivation).derivation)
    if values is not None:
        from backprop_symbolic.numeric.substitute import with_numbers

        result = with_numbers(result, values, 4 if digits is None else digits)
    write(result.bytes(**look), out["output"])


def _prover(wanted: bool) -> Callable[[Derivation], Proved] | None:
    """What has Coq check a derivation, where that is wanted. Raises NotInstalled before any work is done."""
    if not wanted:
        return None
    from backprop_symbolic.formal import command, coqc

    compiler = coqc.find()

    def prove(derivation: Derivation) -> Proved:
        with progress() as tell:
            return command.proved(derivation, compiler, tell)

    return prove


def _look(out: Mapping[str, Any]) -> dict[str, Any]:
    """How `bytes` is to write a result; refuses what cannot be written before any work is done."""
    output, dialect, engine = out["output"], out["dialect"], out["engine"]
    if output is not None:
        writable(output)
    from backprop_symbolic.render import formats

    chosen = formats.get(out["format_"])
    if out["standalone"] and chosen.name != "latex":
        raise click.UsageError(f"--standalone goes with --format latex, not {chosen.name}")
    if dialect is not None and not chosen.dialects:
        raise click.UsageError(f"--dialect goes with --format markdown, not {chosen.name}")
    if dialect is not None and dialect not in chosen.dialects:
        raise unknown("dialect", dialect, chosen.dialects, f"of {chosen.name}")
    if engine is not None:
        if chosen.name != "pdf":
            raise click.UsageError(f"--engine goes with --format pdf, not {chosen.name}")
        from backprop_symbolic.engines import checked

        checked(engine)
    if chosen.binary and output is None and sys.stdout is not None and sys.stdout.isatty():
        raise OutputRefused(f"format {chosen.name} is no text for a terminal: name a file with -o FILE")
    more = {"dialect": dialect or "", "engine": engine or ""}
    return {"format": chosen.name, "standalone": out["standalone"], **more}


def _manner(out: Mapping[str, Any]) -> dict[str, Any]:
    """How something is derived and told."""
    return {"templates": out["template_dir"], **{name: out[name] for name in ("lang", "detail", "strict")}}


@cli.command(context_settings=CONTEXT)
@click.argument("name", metavar="NAME|FORMULA")
@output_options()
@click.option("--plot", metavar="FILE", help="Draw f and f' too, as .svg, .png or .pdf.")
def activation(name: str, plot: str | None, **out: Any) -> None:
    """Prove the derivative of an activation.

    NAME is an activation such as sigmoid, FORMULA any formula in x such as 'x*sigmoid(1.702*x)'.
    The page states the exact formula, proves f' line by line and writes it through y = f(x). Of softmax
    it proves all derivatives of a layer's outputs.
    """
    look = _look(out)
    from backprop_symbolic import activations, api

    if plot is not None and isinstance(activations.layer_function(name), activations.LayerActivation):
        raise click.UsageError(f"--plot goes with a function of one variable, not {quoted(name)}")
    picture = None if plot is None else _plot(plot, out["output"], out["lang"])
    data = api.prove_activation(name, **_manner(out)).bytes(**look)
    if plot is not None and picture is not None:
        from backprop_symbolic import plots

        write_bytes(plots.Curves((name,)).draw(picture, {}, out["lang"]), plot)
    write(data, out["output"])


def _plot(plot: str, output: str | None, lang: str) -> str:
    """The format of a plot; refuses one that could not be drawn or written, before any work is done."""
    writable(plot)
    if output is not None and os.path.realpath(plot) == os.path.realpath(output):
        raise click.UsageError("--plot and --output name the same file")
    from backprop_symbolic import plots
    from backprop_symbolic.wording import messages

    messages(lang)
    chosen = plots.format_of(plot)
    plots.ready(lang)
    return chosen


@cli.command(context_settings=CONTEXT)
@click.argument("name", metavar="NAME|FORMULA")
@output_options()
def loss(name: str, **out: Any) -> None:
    """Prove the derivative of a loss by an output.

    NAME is a loss such as half_sse, FORMULA any formula in the target t and the output o (and the
    number n of outputs) such as '(t - o)**4/4'; the error is its sum over the outputs.
    """
    look = _look(out)
    from backprop_symbolic import api

    write(api.prove_loss(name, **_manner(out)).bytes(**look), out["output"])


@cli.command(context_settings=CONTEXT)
@network_options(penalties=False)
@click.option("--weight", default="all", metavar="NAME", show_default=True,
              help="Parameters to derive, several between blanks; with --form scalar.")  # fmt: skip
@click.option("--target", default="numpy", metavar="NAME", show_default=True,
              help="numpy, torch (an autograd.Function) or jax (a custom_vjp).")  # fmt: skip
@click.option("--form", default="scalar", metavar="NAME", show_default=True,
              help="scalar (one variable for each quantity, as derived; needs no NumPy) or matrix "
              "(layers and batches, in place).")  # fmt: skip
@click.option("--dtype", metavar="NAME", help="float64 or float32, for --target numpy --form matrix.  "
              "[default: float64]")  # fmt: skip
@click.option(
    "--numba", is_flag=True, help="With scalar numpy code: compiled by numba where it is installed."
)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def code(
    network: str | None,
    activation: str | None,
    loss: str | None,
    bias: str | None,
    graph_file: str | None,
    notation: str | None,
    weight: str,
    target: str,
    form: str,
    dtype: str | None,
    numba: bool,
    output: str | None,
) -> None:
    """Write a program that computes what was derived.

    Its lines are the derivation's own steps; its numbers are compared with them first.
    """
    if output is not None:
        writable(output)
    if dtype is not None and (target, form) != ("numpy", "matrix"):
        raise click.UsageError("--dtype is for --target numpy --form matrix; other forms take the data's")
    if numba and (target, form) != ("numpy", "scalar"):
        raise click.UsageError("--numba is for --target numpy --form scalar")
    from backprop_symbolic.notation import notation as find_notation
    from backprop_symbolic.numeric.generate import generate

    given = {"--network": network, "--activation": activation, "--loss": loss, "--bias": bias}
    chosen = _network(given) if graph_file is None else _graph(graph_file, notation, given)
    names: str | list[str] = "all" if weight.strip() == "all" else weight.split() or [weight]
    text = generate(
        chosen,
        names,
        target=target,
        form=form,
        dtype=dtype if dtype is not None else "float64",
        njit=numba,
        style=find_notation(notation if notation is not None else "lecture"),
    )
    write(text, output)


@cli.command(context_settings=CONTEXT)
@numbers_options
@network_options(penalties=False)
@click.option("--data", metavar="FILE", help="Samples as CSV: a row of names, then one sample per row.  "
              "Read batch by batch.")  # fmt: skip
@click.option("--batch", type=int, default=1, metavar="N", show_default=True, help="Samples for one update.")
@click.option("--shuffle", is_flag=True, help="Another order of the samples in each epoch; needs --seed.")
@click.option("--rate", type=float, metavar="NUMBER", help="Learning rate.  [default: that of the values]")
@click.option("--optimizer", default="sgd", metavar="NAME", show_default=True,
              help="sgd, momentum, nesterov, adagrad, rmsprop or adam; see backprop optimizer.")  # fmt: skip
@click.option("--momentum", type=float, metavar="NUMBER", help="Of momentum and nesterov.  [default: 0.9]")
@click.option("--alpha", type=float, metavar="NUMBER", help="Of rmsprop.  [default: 0.99]")
@click.option("--beta1", type=float, metavar="NUMBER", help="Of adam.  [default: 0.9]")
@click.option("--beta2", type=float, metavar="NUMBER", help="Of adam.  [default: 0.999]")
@click.option("--epsilon", type=float, metavar="NUMBER",
              help="Of adagrad, rmsprop and adam.  [default: 1e-10, 1e-8, 1e-8]")  # fmt: skip
@click.option("--sequential", is_flag=True, help="Updates the output layer first and uses its new weights "
              "for the hidden δ: a common mistake, reproduced.")  # fmt: skip
@click.option("--iterations", type=int, default=10_000, metavar="N", show_default=True,
              help="Stops after so many updates.")  # fmt: skip
@click.option("--until-error", type=float, metavar="NUMBER",
              help="Stops after an epoch whose mean error is at most this.")  # fmt: skip
@click.option("--patience", type=int, default=100, metavar="N", show_default=True,
              help="Stops after so many epochs without a lower error; 0: never.")  # fmt: skip
@click.option("--form", metavar="NAME", help="scalar (numbers) or matrix (NumPy).  [default: scalar up to "
              "200 weights]")  # fmt: skip
@click.option("--dtype", default="float64", metavar="NAME", show_default=True,
              help="float64, or float32 with --form matrix.")  # fmt: skip
@click.option("--table", "every_row", type=int, metavar="N", help="Shows the weights every N iterations.")
@click.option("--digits", type=click.IntRange(1, 17), default=10, metavar="N", show_default=True,
              help="Significant digits shown.")  # fmt: skip
@click.option("--log", metavar="FILE", help="Every iteration with its error and weights: .csv or .json.")
@click.option("--plot", "plot_file", metavar="FILE", help="The error curve: .svg, .png or .pdf.")
@click.option("--save", metavar="FILE", help="The final weights as a values file: .toml or .json.")
@click.option("--checkpoint", metavar="FILE", help="The state at the end, on Ctrl-C, and with --every.")
@click.option("--every", type=int, metavar="N", help="Writes the checkpoint every N iterations too.")
@click.option("--resume", metavar="FILE", help="Goes on from a checkpoint.")
@click.option("--format", "format_", default="text", metavar="NAME", show_default=True,
              help="text, markdown or json.")  # fmt: skip
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def train(**options: Any) -> None:
    """Train by the derived gradients: run, compare, update, again.

    An iteration is one update, an epoch one pass over the samples. Exit code 130 after Ctrl-C.
    """
    for name in ("output", "log", "plot_file", "save", "checkpoint"):
        if options[name] is not None:
            writable(options[name])
    from backprop_symbolic.numeric import command

    command.train(options, _target(options), write)


@cli.command(context_settings=CONTEXT)
@click.argument("name", metavar="NAME")
@output_options(detail=False)
def optimizer(name: str, **out: Any) -> None:
    """Write down the rule of an optimizer, and what follows from it.

    NAME is sgd, momentum, nesterov, adagrad, rmsprop or adam. Every line is verified.
    """
    look = _look(out)
    from backprop_symbolic.api import VerifiedDerivation
    from backprop_symbolic.numeric.descent import descent
    from backprop_symbolic.numeric.optimizers import optimizers
    from backprop_symbolic.wording import messages, own_templates

    own = None if out["template_dir"] is None else own_templates(out["template_dir"])
    messages(out["lang"], own)
    result = VerifiedDerivation(descent(optimizers.get(name)), out["lang"], templates=own)
    write(result.bytes(**look), out["output"])


@cli.command(context_settings=CONTEXT)
@network_options()
@numbers_options
@click.option("--reference", "references", metavar="NAME", multiple=True,
              help="central, complex, torch or jax; repeatable.  [default: all installed]")  # fmt: skip
@click.option("--claim", "claims", metavar="NAME=NUMBER", multiple=True,
              help="Judge a published number: w31=0.0822 (a gradient), w31+=0.3589 (after the update), "
              "y_o1=0.7514, delta_o1=0.1385, dE/dy_o1=0.7414. Repeatable.")  # fmt: skip
@click.option("--claims", "claims_file", metavar="FILE", help="Claims from a file, one a line.")
@click.option("--format", "format_", metavar="NAME", default="text", show_default=True,
              help="text, markdown, csv or json.")  # fmt: skip
@click.option("--digits", type=click.IntRange(1, 17), metavar="N", default=10, show_default=True,
              help="Significant digits in text and markdown.")  # fmt: skip
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def check(
    network: str | None,
    activation: str | None,
    loss: str | None,
    l1: str | None,
    l2: str | None,
    bias: str | None,
    graph_file: str | None,
    notation: str | None,
    values_files: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int | None,
    example: str | None,
    sample: int | None,
    references: tuple[str, ...],
    claims: tuple[str, ...],
    claims_file: str | None,
    format_: str,
    digits: int,
    lang: str,
    output: str | None,
) -> int:
    """Compare every derived gradient and update with independent references.

    Numbers come from --values, --set, --seed or --example. Exit code 0 where everything agrees and
    every claim is right, 1 where not, 2 for bad input.
    """
    if output is not None:
        writable(output)
    if not (values_files or settings or seed is not None or example is not None):
        raise click.UsageError("a check needs numbers: --values, --set, --seed or --example")
    from backprop_symbolic import api
    from backprop_symbolic.numeric import claims as judge
    from backprop_symbolic.numeric import report
    from backprop_symbolic.numeric.check import check as compare
    from backprop_symbolic.numeric.steps import Steps
    from backprop_symbolic.wording import messages

    chosen = report.formats.get(format_).name
    messages(lang)
    given = {"--network": network, "--activation": activation, "--loss": loss, "--bias": bias}
    given |= {"--l1": l1, "--l2": l2}
    sources = _sources(values_files, settings, example)
    graph = _stated_graph(graph_file, notation, given, sources)
    values = _values(graph, sources, seed, sample)
    said = [*([] if claims_file is None else judge.read_file(claims_file)), *claims]
    parsed = [judge.parse(text, graph) for text in said]
    steps = Steps(api.derive(graph, "all", lang=lang).derivation, values)
    found = report.Report(graph, compare(steps, references), judge.judge(steps, parsed), digits)
    write(report.write(found, chosen, lang), output)
    return 0 if found.passes else 1


def _graph(graph_file: str | None, notation: str | None, given: dict[str, str | None]) -> Graph:
    """The graph that the options name: a file, or a dense network."""
    from backprop_symbolic import api
    from backprop_symbolic.graph import dense
    from backprop_symbolic.notation import notation as find_notation

    if graph_file is not None:
        for option, value in ({**given, "--notation": notation}).items():
            if value is not None:
                raise click.UsageError(f"{option} is for networks and does not go with --graph")
        if graph_file == "-":
            if sys.stdin is None:
                raise BadGraph("there is no standard input to read the graph from")
            return api.read_bytes(sys.stdin.buffer.read(), "stdin")
        return api.read_file(Path(graph_file))
    return dense(_network(given), find_notation(notation if notation is not None else "lecture"))


def _network(given: dict[str, str | None]) -> Network:
    """The network that the options name."""
    from backprop_symbolic.spec import Network

    return Network.parse(
        given["--network"] if given["--network"] is not None else "2-2-2",
        given["--activation"] if given["--activation"] is not None else "sigmoid",
        given["--loss"] if given["--loss"] is not None else "half_sse",
        given["--bias"] if given["--bias"] is not None else "1",
        _number("--l1", given.get("--l1")),
        _number("--l2", given.get("--l2")),
    )


# ---------------------------------------------------------------- numbers


def _sources(files: Sequence[str], settings: Sequence[str], example: str | None) -> list[Source]:
    """What the options say of numbers, in rising order: the example, the files, single numbers."""
    if not files and not settings and example is None:
        return []
    from backprop_symbolic.numeric import values

    return [
        *([] if example is None else [values.example(example)]),
        *(values.load(file) for file in files),
        *(values.parse_set(text) for text in settings),
    ]


def _stated_graph(
    graph_file: str | None, notation: str | None, given: dict[str, str | None], sources: Sequence[Source]
) -> Graph:
    """The graph that options and values files state together; a contradiction is told on stderr."""
    if not sources:
        return _graph(graph_file, notation, given)
    from backprop_symbolic.graph import read
    from backprop_symbolic.numeric.values import stated

    options = {name.removeprefix("--"): value for name, value in given.items()}
    chosen, notes = stated(sources, {**options, "notation": notation, "graph": graph_file})
    for note in notes:
        click.echo(f"Note: {note}", err=True)
    definitions = chosen.pop("graph")
    style = chosen.pop("notation")
    if graph_file is None and definitions is not None:
        return read(definitions)
    return _graph(graph_file, style, {f"--{name}": value for name, value in chosen.items()})


def _target(options: dict[str, Any]) -> tuple[Any, list[Source], Any]:
    """What is to be trained, where numbers come from, and how a network's weights are named.

    A network of which no file says anything is not written out as a graph: it may be too large.
    """
    given = {f"--{key}": options[key] for key in ("network", "activation", "loss", "bias")}
    sources = _sources(options["values_files"], options["settings"], options["example"])
    graph_file, notation = options["graph_file"], options["notation"]
    if sources or graph_file is not None:
        return _stated_graph(graph_file, notation, given, sources), sources, None
    from backprop_symbolic.notation import notation as find_notation

    return _network(given), sources, find_notation(notation if notation is not None else "lecture")


def _values(graph: Graph, sources: Sequence[Source], seed: int | None, sample: int | None) -> Values:
    """A number for every leaf, of one sample."""
    from backprop_symbolic.numeric.values import resolve

    values = resolve(graph, sources, seed=seed)
    if sample is None and len(values.samples) > 1:
        raise click.UsageError(
            f"there are {len(values.samples)} samples: name one with --sample, e.g. --sample 1"
        )
    return values.at(1 if sample is None else sample)


def _number(option: str, value: str | None) -> str:
    """The number of a penalty as typed; an empty one is a mistake, not none."""
    if value is not None and not value.strip():
        raise click.UsageError(f"{option} needs a number greater than 0, such as 0.01")
    return value or ""


# ---------------------------------------------------------------- lecture notes


@cli.command(context_settings=CONTEXT)
@click.option("--output", "-o", metavar="DIR", required=True,
              help="The folder to write to; it is made where it is not there.")  # fmt: skip
@click.option("--format", "format_", default="html", metavar="NAME[,NAME…]", show_default=True,
              help="html, slides, pdf, markdown, latex, beamer, notebook or text; several between "
              "commas.")  # fmt: skip
@click.option("--dialect", metavar="NAME", default="", help="Of markdown: see backprop derive --help.")
@click.option("--engine", metavar="NAME", default="", help="Of pdf: typst, xelatex or lualatex.")
@click.option("--lang", default="en", metavar="CODE[,CODE…]", show_default=True,
              help="Languages: en, ko, or one of --template-dir.")  # fmt: skip
@network_options()
@click.option("--weight", metavar="NAME…", default="",
              help="The weights gone through, one of each layer: 'w31 w11'.  [default: the first into the "
              "first unit of each layer]")  # fmt: skip
@numbers_options
@click.option("--digits", type=click.IntRange(1, 17), metavar="N", default=4, show_default=True,
              help="Significant digits of the example's numbers.")  # fmt: skip
@click.option("--title", metavar="TEXT", default="", help="A title of your own.")
@click.option("--author", metavar="TEXT", default="", help="Who wrote it.")
@click.option("--date", metavar="TEXT", default="", help="A date, as it is to be printed.")
@click.option("--parts", metavar="NAME[,NAME…]", help="Some parts only, e.g. derivation,vanishing.")
@click.option("--no-pictures", is_flag=True, help="Without flow charts and plots.")
@click.option("--detail", metavar="LEVEL", default="normal", show_default=True, help="brief, normal or full.")
@click.option("--strict", is_flag=True, help="Decide every step by exact cancellation too.")
@click.option("--template-dir", metavar="DIR", help="Templates and sentences of yours, by name, before ours.")
@click.option("--proved", is_flag=True, help="Have Coq check every step of the derivation now, say so, and "
              "write its script too; needs coqc, see backprop prove.")  # fmt: skip
@click.option(
    "--force", is_flag=True, help="Replace files that this program did not write, or that were changed."
)
def notes(output: str, template_dir: str | None, force: bool, proved: bool, **options: Any) -> None:
    """Write lecture notes on a network: a folder with the documents, their pictures and an index.

    The whole lecture: what backpropagation is, the derivation of a weight of each layer, the delta form,
    training, the vanishing gradient, an example with numbers, its check, and an index of symbols. Every
    line is verified. Files that are the same already are not written anew.
    """
    from backprop_symbolic import publish
    from backprop_symbolic.lecture import command
    from backprop_symbolic.lecture.notes import SCRIPT

    folder = Path(output)
    if not output.strip():
        raise OutputRefused("cannot write '': no folder is named")
    chosen = command.options(options, template_dir)
    wanted = publish.editions(_names(options["format_"]), _names(options["lang"]), chosen)
    scripts = [SCRIPT] if proved else []
    publish.check(folder, [*scripts, *(edition.file for edition in wanted)], force)
    prover = _prover(proved)
    given = {f"--{name}": options[name] for name in ("network", "activation", "loss", "l1", "l2", "bias")}
    sources = _sources(options["values_files"], options["settings"], options["example"])
    graph = _stated_graph(options["graph_file"], options["notation"], given, sources)
    values = _values(graph, sources, options["seed"], options["sample"]) if sources else None
    with progress() as tell:
        pages = command.pages(graph, values, options, wanted, chosen, tell, prover)
    done = publish.publish_pages(folder, pages, wanted[0].language, chosen, force)
    for name in pages.files:
        state = "written" if name in done.written else "unchanged"
        click.echo(f"{state:9}  {folder / name}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Says on a terminal's last line what is being done; says nothing where stderr is no terminal."""
    shown = sys.stderr is not None and sys.stderr.isatty()

    def tell(what: str) -> None:
        if shown:
            click.echo(f"\r\x1b[K{what} …", err=True, nl=False)

    try:
        yield tell
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)


# ---------------------------------------------------------------- lists

LISTS = ("activations", "losses", "notations", "languages", "formats", "examples")


@cli.command("list", context_settings=CONTEXT)
@click.argument("what", required=False, metavar="[LIST]")
@click.option("--format", "format_", metavar="NAME", default="text", show_default=True, help="text or json.")
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def list_(what: str | None, format_: str, lang: str, output: str | None) -> None:
    """What there is to choose from, a line for each.

    LIST is activations, losses, notations, languages, formats or examples; without it all are shown.
    """
    if output is not None:
        writable(output)
    from backprop_symbolic import listing

    if format_ not in ("text", "json"):
        raise unknown("format", format_, ("text", "json"), "of a list")
    if what is not None and what not in LISTS:
        raise unknown("list", what, LISTS)
    from backprop_symbolic.numeric.values import listed

    lists = {**listing.listing(lang), "examples": listed}
    chosen = {title: lists[title]() for title in (LISTS if what is None else (what,))}
    if format_ == "json":
        import json

        write(json.dumps(chosen, ensure_ascii=False, indent=2) + "\n", output)
    else:
        write(listing.as_text(chosen), output)
    if {"activations", "losses"} & set(chosen):
        for line in listing.broken():
            click.echo(f"Warning: {line}", err=True)


# ---------------------------------------------------------------- pictures

#: The end of a file's name → what a diagram is drawn as.
DIAGRAMS = {".svg": "svg", ".png": "png", ".pdf": "pdf", ".tex": "tikz"}


@cli.command(context_settings=CONTEXT)
@click.option(
    "--weight", required=True, metavar="NAME", help="Weight or bias whose paths are shown, e.g. w31."
)
@network_options()
@click.option("--format", "format_", metavar="NAME",
              help="svg, png, pdf or tikz.  [default: by FILE, else svg]")  # fmt: skip
@click.option("--standalone", is_flag=True, help="With tikz: a whole document, for xelatex or lualatex.")
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout: .svg, "
              ".png, .pdf or .tex.")  # fmt: skip
def diagram(
    weight: str,
    network: str | None,
    activation: str | None,
    loss: str | None,
    l1: str | None,
    l2: str | None,
    bias: str | None,
    graph_file: str | None,
    notation: str | None,
    format_: str | None,
    standalone: bool,
    lang: str,
    output: str | None,
) -> None:
    """Draw the network with the paths from the error back to WEIGHT.

    Where the gradient is a sum over paths, each has a colour and a line style of its own. Of a large
    layer the first units, the last and those of the weight are shown.
    """
    if output is not None:
        writable(output)
    kind = _drawn_as(format_, output)
    if standalone and kind != "tikz":
        raise click.UsageError(f"--standalone goes with --format tikz, not {kind}")
    if kind in ("png", "pdf") and output is None:
        raise click.UsageError(f"--format {kind} goes with -o FILE")
    from backprop_symbolic import pictures
    from backprop_symbolic.notation import notation as find_notation
    from backprop_symbolic.wording import messages

    messages(lang)
    given = {"--network": network, "--activation": activation, "--loss": loss, "--bias": bias}
    given |= {"--l1": l1, "--l2": l2}
    if graph_file is not None:
        graph = _graph(graph_file, notation, given)
        drawing = pictures.Diagram(graph, graph.parameter(weight))
    else:
        style = find_notation(notation if notation is not None else "lecture")
        drawing = pictures.diagram(_network(given), weight, style)
    data = drawing.draw(kind, drawing.graph.written(lang), lang)
    if standalone:
        data = pictures.document(data.decode("utf-8")).encode("utf-8")
    write(data, output)


def _drawn_as(format_: str | None, output: str | None) -> str:
    """What a diagram is drawn as: by --format, else by the file's name."""
    kinds = tuple(DIAGRAMS.values())
    if format_ is not None:
        if format_ not in kinds:
            raise unknown("format", format_, kinds, "of a diagram")
        return format_
    if output is None:
        return "svg"
    found = DIAGRAMS.get(Path(output).suffix.lower())
    if found is None:
        raise OutputRefused(
            f"a diagram is written as .svg, .png, .pdf or .tex, not {quoted(output)}; "
            "or name one with --format"
        )
    return found


# ---------------------------------------------------------------- the vanishing gradient


@cli.command(context_settings=CONTEXT)
@click.option("--network", metavar="SIZES", help="Units per layer, inputs first.  [default: 2-2-2-2-2-2]")
@click.option("--depth", metavar="N", help="Instead of --network: N layers of 2 units with weights.")
@click.option(
    "--activation", metavar="NAME", default="sigmoid", show_default=True, help="The activation of all layers."
)
@click.option(
    "--compare",
    metavar="NAME[,NAME…]",
    default="relu,tanh,softplus",
    show_default=True,
    help="Activations to compare it with in the same network; 'none' for no other.",
)
@click.option(
    "--weights",
    metavar="VALUE",
    default="1",
    show_default=True,
    help="Largest sum of the absolute weights that leave one unit.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Of the random networks.",
)
@click.option(
    "--format", "format_", metavar="NAME", default="text", show_default=True,
    help="text, markdown, latex, json or csv.",
)  # fmt: skip
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option("--plot", metavar="FILE", help="Draw the table too, as .svg, .png or .pdf.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def vanishing(
    network: str | None,
    depth: str | None,
    activation: str,
    compare: str,
    weights: str,
    seed: int,
    format_: str,
    lang: str,
    plot: str | None,
    output: str | None,
) -> None:
    """Bound the gradient that reaches layer 1.

    Each layer multiplies it by at most sup|f'| times the weights: ¼ per layer for the sigmoid. Random
    networks show what is really left of it.
    """
    if output is not None:
        writable(output)
    from backprop_symbolic import vanishing as theory
    from backprop_symbolic.registry import split
    from backprop_symbolic.render import Options, write_document
    from backprop_symbolic.wording import messages

    chosen = theory.table_format(format_)
    messages(lang)
    picture = None if plot is None else _plot(plot, output, lang)
    names = [] if compare.strip() == "none" else split(compare)
    found = theory.vanishing(_layers(network, depth, activation), names, theory.parse_weights(weights), seed)
    if chosen in theory.DATA:
        text = theory.DATA[chosen](found)
    else:
        page, written = theory.document(found)
        text = write_document(page, chosen, written, Options(lang)).data.decode("utf-8")
    if plot is not None and picture is not None:
        from backprop_symbolic import plots

        write_bytes(plots.vanishing_plot(found, picture, lang), plot)
    write(text, output)


def _layers(sizes: str | None, depth: str | None, activation: str) -> Network:
    """The network of --network, or N layers of 2 units."""
    from backprop_symbolic.errors import BadNetwork
    from backprop_symbolic.spec import MAX_LAYERS, Network

    if depth is None:
        return Network.parse("2-2-2-2-2-2" if sizes is None else sizes, activation)
    if sizes is not None:
        raise click.UsageError("--depth goes without --network")
    if not depth.isdecimal() or len(depth) > 6 or not 0 < int(depth) < MAX_LAYERS:
        raise BadNetwork(f"--depth takes a number of layers from 1 to {MAX_LAYERS - 1}, not {quoted(depth)}")
    return Network.dense([2] * (int(depth) + 1), activation)


# ---------------------------------------------------------------- the review


@cli.command(context_settings=CONTEXT)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--context", "context_file", metavar="FILE",
              help="What the text does not say: network, names, numbers, as TOML.")  # fmt: skip
@network_options()
@known_numbers_options
@click.option("--format", "format_", metavar="NAME", default="text", show_default=True,
              help="text, json, markdown, html or sarif.")  # fmt: skip
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option("--fail-on", metavar="WHAT", default="wrong", show_default=True,
              help="Exit code 1 for: wrong, undecided (or wrong), never.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Only what is not right.")
@click.option("--fix", metavar="FILE", help="Write the text with its repairs to a new FILE.")
@click.option("--force", is_flag=True, help="With --fix: replace FILE.")
@click.option("--colour", "--color", metavar="WHEN", default="auto", show_default=True,
              help="auto (on a terminal), always or never.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def review(**options: Any) -> int:
    """Read derivations written by hand and judge every equation.

    FILE is Markdown, LaTeX or a Jupyter notebook, '-' is Markdown from stdin. Names, network and numbers
    are found in the text, or stated by the options. Each equation is right, wrong (with a
    counterexample, the probable mistake and what would be right) or not decided, never guessed. Exit
    code 0 where all is right, 1 where something is wrong, 2 for a file that cannot be read.
    """
    if options["output"] is not None:
        writable(options["output"])
    from backprop_symbolic.review import command

    command.check(options)
    context = command.context_file(options["context_file"])
    return command.review(options, context, _reviewed_graph(options, context), write)


def _reviewed_graph(options: dict[str, Any], context: ContextFile) -> tuple[Graph | None, Sequence[Source]]:
    """The network that the options and a context file state, if they do, and where numbers come from."""
    names = ("network", "activation", "loss", "bias", "l1", "l2")
    given = {f"--{name}": options[name] for name in names}
    found = _sources(options["values_files"], options["settings"], options["example"])
    sources = [*context.sources, *found]
    stated = (*given.values(), options["graph_file"], options["notation"])
    about = any(source.settings or source.arrays for source in sources)
    if not about and all(value is None for value in stated):
        return None, sources
    return _stated_graph(options["graph_file"], options["notation"], given, sources), sources


# ---------------------------------------------------------------- proofs for Coq


@cli.command(context_settings=CONTEXT)
@click.option("--weight", metavar="NAME", help="Weight or bias whose derivation is proved, several between "
              "blanks ('w31 w11'), or 'all'.")  # fmt: skip
@network_options()
@click.option("--run", is_flag=True, help="Have coqc check the script now, and report.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="With --run: how long coqc may take.  [default: 600]")  # fmt: skip
@click.option("--format", "format_", metavar="NAME", help="With --run: the report as text or json.  "
              "[default: text]")  # fmt: skip
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Of the report: en or ko.")
@click.option("-o", "--output", metavar="FILE", help="Write the script to FILE, replacing it; stdout is for "
              "the report then.")  # fmt: skip
def prove(**options: Any) -> int:
    """Prove a derivation in the strict sense: a script for Coq.

    With --weight the script proves the derivation of ∂E/∂WEIGHT in the network or graph that the options
    name, as for derive, each step a lemma. Without it, --activation NAME alone proves the derivative of that
    activation (or formula in x) line by line, --loss NAME alone that of a loss.

    The script needs Coq 8.16 and Coquelicot. Without --run it goes to stdout or FILE; with --run and no
    FILE there is the report alone. Exit code 0 where it is proved, 1 where coqc rejects it, 2 where it could
    not be run.
    """
    if options["output"] is not None:
        writable(options["output"])
    for name in ("timeout", "format_"):
        if options[name] is not None and not options["run"]:
            raise click.UsageError(f"--{name.rstrip('_')} goes with --run")
    from backprop_symbolic.formal import command
    from backprop_symbolic.wording import messages

    options["format_"] = command.checked_format(options["format_"] or "text")
    messages(options["lang"])
    script = _script(options)
    with progress() as tell:
        return command.prove(script, options, write, tell)


def _script(options: Mapping[str, Any]) -> Script:
    """The script that the options ask for: of parameters, of an activation, or of a loss."""
    from backprop_symbolic.formal import command

    names = ("network", "activation", "loss", "l1", "l2", "bias")
    given = {f"--{name}": options[name] for name in names}
    if options["weight"] is not None:
        return command.of_network(
            _graph(options["graph_file"], options["notation"], given), options["weight"]
        )
    stated = {**given, "--graph": options["graph_file"], "--notation": options["notation"]}
    alone = [name for name, value in stated.items() if value is not None]
    if alone == ["--activation"]:
        return command.of_activation(options["activation"])
    if alone == ["--loss"]:
        return command.of_loss(options["loss"])
    if not alone:
        raise click.UsageError("what is to be proved? --weight NAME, --activation NAME or --loss NAME")
    raise click.UsageError(
        f"{' '.join(alone)} without --weight: with --weight a network is proved, and without it "
        "--activation NAME or --loss NAME, each alone"
    )


# ---------------------------------------------------------------- output


def writable(output: str) -> None:
    """Refuses an output that cannot be written, before any work is done."""
    if not output:
        raise OutputRefused("cannot write '': no file is named")
    path = Path(output)
    folder = path.parent
    try:
        if path.is_dir() or output.endswith(("/", os.sep)):
            raise OutputRefused(f"cannot write {quoted(output)}: it is a directory")
        if not folder.is_dir():
            raise OutputRefused(f"cannot write {quoted(output)}: there is no directory {quoted(folder)}")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise OutputRefused(f"cannot write {quoted(output)}: permission denied")
    except OSError as error:
        raise OutputRefused(f"cannot write {quoted(output)}: {error.strerror}") from None


def write(content: str | bytes, output: str | None) -> None:
    """Text or bytes to a file, whole or not at all, or to stdout."""
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    if output is None:
        if sys.stdout is None:
            raise OutputRefused("there is no standard output to write to")
        stream = getattr(sys.stdout, "buffer", None)
        try:
            if stream is None:
                sys.stdout.write(data.decode("utf-8"))
            else:
                sys.stdout.flush()
                rest = memoryview(data)
                while rest:  # an unbuffered stream takes what fits into the pipe
                    rest = rest[stream.write(rest) :]
            sys.stdout.flush()
        except BrokenPipeError:
            _silence(sys.stdout)
            raise OutputRefused("standard output was closed before everything was written") from None
        except OSError as error:
            _silence(sys.stdout)
            raise OutputRefused(f"cannot write to standard output: {error.strerror}") from None
        return
    write_bytes(data, output)


def write_bytes(data: bytes, output: str) -> None:
    """`data` to a file, whole or not at all."""
    try:
        with replacing(output) as file:
            file.write(data)
    except OSError as error:
        raise OutputRefused(f"cannot write {quoted(output)}: {error.strerror}") from None


# ---------------------------------------------------------------- entry points


def main(args: list[str] | None = None) -> NoReturn:
    """The command `backprop`."""
    _run(cli, "backprop", args)


def derive_main(args: list[str] | None = None) -> NoReturn:
    """The command `derive`, the same as `backprop derive`."""
    _run(derive, "derive", args)


def _run(command: click.Command, name: str, args: list[str] | None) -> NoReturn:
    """Runs a command; whatever the user can mend becomes one line on stderr and exit code 2."""
    import gc

    # One short run: collecting would only look through SymPy's modules while they load.
    gc.disable()
    try:
        code: Any = command.main(args=args, prog_name=name, standalone_mode=False)
    except BackpropError as error:
        _fail(str(error))
    except Interrupted as stop:
        _fail(str(stop), 130)
    except click.NoSuchOption as error:
        hint = f" Did you mean {quoted(error.possibilities[0])}?" if error.possibilities else ""
        _fail(f"no option {quoted(error.option_name)}. See {name} --help.{hint}")
    except click.ClickException as error:
        _fail(error.format_message())
    except click.Abort:
        _fail("interrupted", 130)
    except BrokenPipeError:
        _silence(sys.stdout)
        _fail("standard output was closed before everything was written")
    except OSError as error:
        _silence(sys.stdout)
        _fail(f"cannot write to standard output: {error.strerror}")
    sys.exit(code if isinstance(code, int) else 0)


def _silence(stream: Any) -> None:
    """Python flushes once more at exit; this gives it somewhere to flush to."""
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return  # no stream, or one that is no file
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _fail(message: str, code: int = 2) -> NoReturn:
    line = " ".join(message.split())
    click.echo(f"Error: {line}", err=True)
    sys.exit(code)
