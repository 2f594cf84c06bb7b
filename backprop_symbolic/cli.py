"""The command line: parsing and writing at the edge, everything else in the library.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from backprop_symbolic import __version__
from backprop_symbolic.errors import BackpropError, BadGraph, Interrupted, OutputRefused, quoted
from backprop_symbolic.files import replacing

if TYPE_CHECKING:
    from backprop_symbolic.graph import Graph
    from backprop_symbolic.spec import Network

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group("backprop", context_settings=CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="backprop-symbolic")
@click.pass_context
def cli(context: click.Context) -> None:
    """Write down backpropagation step by step, with no wrong line."""
    if context.invoked_subcommand is None:
        raise click.UsageError("no command given. See backprop --help.")


@cli.command(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="backprop-symbolic")
@click.option(
    "--weight",
    required=True,
    metavar="NAME",
    help="Weight or bias to derive, named as the notation does (w31), several between "
    "blanks ('w31 w11'), or 'all'.",
)
@click.option("--network", metavar="SIZES", help="Units per layer, inputs first.  [default: 2-2-2]")
@click.option(
    "--activation",
    metavar="NAME[,NAME…]",
    help="One for all layers or one for each: sigmoid, tanh, relu, …  [default: sigmoid]",
)
@click.option("--loss", metavar="NAME", help="half_sse, sse, mse, …  [default: half_sse]")
@click.option(
    "--bias",
    metavar="MODE",
    help="1 (the constant 1), none, layer (one trainable b per layer), node (one per unit), fixed "
    "(one constant per layer).  [default: 1]",
)
@click.option(
    "--graph",
    "graph_file",
    metavar="FILE",
    help="Derive a scalar graph instead, written as text, one 'name = formula' a line; '-' is stdin.",
)
@click.option(
    "--notation",
    metavar="NAME|FILE",
    help="lecture (w31), layered (w^(2)_11), mazur (w1 … w8), or a TOML file.  [default: lecture]",
)
@click.option(
    "--format", "format_", metavar="NAME", default="latex", show_default=True,
    help="latex, markdown, text or json.",
)  # fmt: skip
@click.option("--standalone", is_flag=True, help="With latex: a whole document, for xelatex or lualatex.")
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option(
    "--detail", metavar="LEVEL", default="normal", show_default=True,
    help="brief, normal, or full (every line, every proof repeated where it is used).",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Decide every step by exact cancellation too.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def derive(
    weight: str,
    network: str | None,
    activation: str | None,
    loss: str | None,
    bias: str | None,
    graph_file: str | None,
    notation: str | None,
    format_: str,
    standalone: bool,
    lang: str,
    detail: str,
    strict: bool,
    output: str | None,
) -> None:
    """Derive ∂E/∂WEIGHT step by step.

    Every line is verified before it is printed.
    """
    if output is not None:
        writable(output)
    from backprop_symbolic import api
    from backprop_symbolic.render import formats

    chosen = formats.get(format_)
    if standalone and chosen.name != "latex":
        raise click.UsageError(f"--standalone goes with --format latex, not {chosen.name}")
    given = {"--network": network, "--activation": activation, "--loss": loss, "--bias": bias}
    graph = _graph(graph_file, notation, given)
    names: str | list[str] = "all" if weight.strip() == "all" else weight.split() or [weight]
    result = api.derive(graph, names, lang=lang, detail=detail, strict=strict)
    write(result.render(chosen.name, standalone=standalone), output)


@cli.command(context_settings=CONTEXT)
@click.option("--network", metavar="SIZES", help="Units per layer, inputs first.  [default: 2-2-2]")
@click.option("--activation", metavar="NAME[,NAME…]", help="As for derive.  [default: sigmoid]")
@click.option("--loss", metavar="NAME", help="As for derive.  [default: half_sse]")
@click.option("--bias", metavar="MODE", help="1, none, layer, node or fixed.  [default: 1]")
@click.option("--graph", "graph_file", metavar="FILE", help="A scalar graph as text instead; '-' is stdin.")
@click.option("--notation", metavar="NAME|FILE", help="How weights are named.  [default: lecture]")
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
@click.option("--values", "values_files", multiple=True, metavar="FILE",
              help="Weights, inputs, targets, learning rate, in TOML, YAML, JSON or CSV; may state "
              "the network.")  # fmt: skip
@click.option("--example", metavar="NAME", help="The values of a published worked example, e.g. mazur.")
@click.option("--set", "sets", multiple=True, metavar="NAME=NUMBER", help="One value; may be repeated.")
@click.option("--seed", type=int, metavar="N", help="Draws what has no value, and the order of --shuffle.")
@click.option("--network", metavar="SIZES", help="Units per layer, inputs first.  [default: 2-2-2]")
@click.option("--activation", metavar="NAME[,NAME…]", help="As for derive.  [default: sigmoid]")
@click.option("--loss", metavar="NAME", help="As for derive.  [default: half_sse]")
@click.option("--bias", metavar="MODE", help="1, none, layer, node or fixed.  [default: 1]")
@click.option("--graph", "graph_file", metavar="FILE", help="A scalar graph as text instead; '-' is stdin.")
@click.option("--notation", metavar="NAME|FILE", help="How weights are named.  [default: lecture]")
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
@click.option("--format", "format_", metavar="NAME", default="latex", show_default=True,
              help="latex, markdown, text or json.")  # fmt: skip
@click.option("--standalone", is_flag=True, help="With latex: a whole document, for xelatex or lualatex.")
@click.option("--lang", metavar="CODE", default="en", show_default=True, help="Language: en or ko.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, replacing it, instead of stdout.")
def optimizer(name: str, format_: str, standalone: bool, lang: str, output: str | None) -> None:
    """Write down the rule of an optimizer, and what follows from it.

    NAME is sgd, momentum, nesterov, adagrad, rmsprop or adam. Every line is verified.
    """
    if output is not None:
        writable(output)
    from backprop_symbolic.numeric.descent import descent
    from backprop_symbolic.numeric.optimizers import optimizers
    from backprop_symbolic.render import Options, formats, messages, render

    chosen = formats.get(format_)
    if standalone and chosen.name != "latex":
        raise click.UsageError(f"--standalone goes with --format latex, not {chosen.name}")
    messages(lang)
    text = render(descent(optimizers.get(name)), chosen.name, Options(lang, standalone=standalone))
    write(text, output)


def _target(options: dict[str, Any]) -> Any:
    """The network or graph that options and values files state, and the sources of values."""
    from backprop_symbolic.graph import read
    from backprop_symbolic.notation import notation as find_notation
    from backprop_symbolic.numeric import values

    sources = [values.example(options["example"])] if options["example"] is not None else []
    sources += [values.load(name) for name in options["values_files"]]
    sources += [values.parse_set(text) for text in options["sets"]]
    keys = ("network", "activation", "loss", "bias", "notation")
    stated, notes = values.stated(sources, {**{k: options[k] for k in keys}, "graph": options["graph_file"]})
    for note in notes:
        click.echo(f"Note: {note}", err=True)
    if options["graph_file"] is not None or stated["graph"] is not None:
        given = {f"--{key}": options[key] for key in keys[:-1]}
        if options["graph_file"] is not None:
            return _graph(options["graph_file"], options["notation"], given), sources, None
        return read(str(stated["graph"]), "values"), sources, None
    chosen = {f"--{key}": stated[key] for key in keys[:-1]}
    style = find_notation(stated["notation"] or "lecture")
    return _network(chosen), sources, style


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


def write(text: str, output: str | None) -> None:
    """`text` to a file, whole or not at all, or to stdout."""
    data = text.encode("utf-8")
    if output is None:
        if sys.stdout is None:
            raise OutputRefused("there is no standard output to write to")
        stream = getattr(sys.stdout, "buffer", None)
        try:
            if stream is None:
                sys.stdout.write(text)
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
