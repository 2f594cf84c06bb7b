"""What a command asks to be trained, put together: values, samples, program, checkpoint.

`prepare(Request(…))` gives a `Session`: a trainer ready to go on, and what is known of it by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backprop_symbolic.errors import BadSetting, unknown
from backprop_symbolic.graph import MAX_EDGES, Graph, dense
from backprop_symbolic.notation import Notation, Place, notation
from backprop_symbolic.numeric.samples import Given, Samples, read
from backprop_symbolic.numeric.source import Leaves
from backprop_symbolic.numeric.train import (
    Plan,
    Trainer,
    array_engine,
    scalar_engine,
    sequential_engine,
)
from backprop_symbolic.numeric.values import Number, Source, Values, resolve

if TYPE_CHECKING:
    from backprop_symbolic.spec import Network

FORMS = ("scalar", "matrix")
#: Networks with more weights than this are trained as arrays, unless another form is asked for.
SMALL = 200


@dataclass(frozen=True)
class Request:
    """What to train: a network or a graph, and sources of values; where samples come from; how.

    rate    None where not given: that of the values
    sample  the one of several to train on, from 1; None: all
    """

    target: Network | Graph
    sources: Sequence[Source] = ()
    data: Path | None = None
    plan: Plan = field(default_factory=Plan)
    rate: float | None = None
    shuffle: bool = False
    seed: int | None = None
    sequential: bool = False
    form: str | None = None
    dtype: str = "float64"
    style: Notation | None = None
    sample: int | None = None


@dataclass(frozen=True)
class Session:
    """A trainer and what is trained.

    about  its description by name, by which a checkpoint is recognised
    names  of the parameters: w11, …, or W1, b1, … for arrays
    graph  None for a network that is too large to be written out
    """

    trainer: Trainer
    target: Network | Graph
    about: Mapping[str, Any]
    names: tuple[str, ...]
    graph: Graph | None = None
    values: Values | None = None

    def named(self, parameters: Any) -> dict[str, Any]:
        """Each parameter by its name: a number, or nested lists of numbers."""
        pairs = zip(self.names, parameters, strict=True)
        return {name: v.tolist() if hasattr(v, "tolist") else v for name, v in pairs}


def prepare(asked: Request) -> Session:
    """The session that a request describes.

    Raises BadSetting, BadValues, BadSamples, and whatever deriving and compiling raise.
    """
    network = asked.target if not isinstance(asked.target, Graph) else asked.target.network
    form = asked.form or ("matrix" if network is not None and network.edges > SMALL else "scalar")
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    if form == "scalar" and asked.dtype != "float64":
        raise BadSetting(f"--dtype {asked.dtype} goes with --form matrix; numbers are float64")
    if asked.sequential and form != "scalar":
        raise BadSetting("--sequential goes with --form scalar")
    if asked.sample is not None and asked.data is not None:
        raise BadSetting("--sample chooses among the samples of --values; --data trains on all of its own")
    if asked.shuffle and asked.seed is None:
        raise BadSetting("--shuffle needs a --seed: the order must be one that can be had again")
    if network is not None and network.edges > MAX_EDGES:
        return _large(asked, network)
    return _small(asked, form)


def _small(asked: Request, form: str) -> Session:
    """A network or graph whose every weight has a name and a value."""
    from dataclasses import replace

    graph = asked.target if isinstance(asked.target, Graph) else dense(asked.target, asked.style)
    leaves = Leaves.of(graph)
    shuffle = asked.seed if asked.shuffle else None
    sources = list(asked.sources)
    streamed = None
    if asked.data is not None:
        inputs, targets = ([s.name for s in group] for group in (leaves.inputs, leaves.targets))
        streamed = read(asked.data, inputs, targets, shuffle)
        first = next(streamed.rows(0, 0))
        cells = zip([*inputs, *targets], first, strict=True)
        row = {name: Number(value, str(asked.data)) for name, value in cells}
        sources.append(Source(str(asked.data), samples=(row,)))
    values = resolve(graph, sources, seed=asked.seed)
    if asked.sample is not None:
        values = values.at(asked.sample)
    samples: Samples = streamed or _given(values, leaves, shuffle)
    plan = replace(asked.plan, rate=_rate(asked, graph, values))
    constants = values.tuple(leaves.constants)
    parameters: Any = values.tuple(leaves.parameters)
    names = tuple(s.name for s in leaves.parameters)
    engine: Any
    if form == "matrix":
        from backprop_symbolic.numeric.compile import arrays

        engine = array_engine(_network(graph), plan, constants, asked.dtype)
        parameters = arrays(graph, parameters, asked.dtype)
        names = engine.compiled.parameters
    else:
        from backprop_symbolic.api import derive

        derivation = derive(graph, "all").derivation
        make = sequential_engine if asked.sequential else scalar_engine
        engine = make(derivation, plan, constants)
    trainer = Trainer(engine, samples, plan, parameters)
    about = _about(asked, graph, form, trainer, constants)
    return Session(trainer, asked.target, about, names, graph, values)


def _large(asked: Request, network: Network) -> Session:
    """A network too large to be written out: weights drawn by the seed, samples from a file."""
    from dataclasses import replace

    if asked.form == "scalar" or asked.sources or asked.data is None or asked.seed is None:
        raise BadSetting(
            f"a network of {network.edges} weights is trained with --form matrix, samples from --data, "
            "and weights drawn by --seed"
        )
    if asked.rate is None:
        raise BadSetting("no learning rate: give --rate, e.g. 0.5")
    if network.bias == "fixed":
        raise BadSetting(f"bias mode 'fixed' needs values, and {network.edges} weights are too many for them")
    style = asked.style or notation("lecture")
    inputs = [style.typed("input", Place(index=i, node=i)) for i in range(1, network.sizes[0] + 1)]
    targets = [style.typed("target", Place(index=k)) for k in range(1, network.sizes[-1] + 1)]
    samples = read(asked.data, inputs, targets, asked.seed if asked.shuffle else None)
    plan = replace(asked.plan, rate=asked.rate)
    engine = array_engine(network, plan, (), asked.dtype)
    trainer = Trainer(engine, samples, plan, engine.compiled.functions["initial"](asked.seed))
    about = _about(asked, network, "matrix", trainer, ())
    return Session(trainer, network, about, engine.compiled.parameters)


def _given(values: Values, leaves: Leaves, shuffle: int | None) -> Given:
    """The samples that the values hold."""
    return Given(
        tuple([row[s] for s in leaves.inputs] for row in values.samples),
        tuple([row[s] for s in leaves.targets] for row in values.samples),
        shuffle,
    )


def _rate(asked: Request, graph: Graph, values: Values) -> float:
    """The learning rate: as asked for, or that of the values; never a drawn one."""
    if asked.rate is not None:
        return asked.rate
    if graph.rate in values and not values.origins[graph.rate].startswith("--seed"):
        return values[graph.rate]
    raise BadSetting("no learning rate: give --rate, e.g. 0.5, or learning_rate in the values")


def _network(graph: Graph) -> Network:
    from backprop_symbolic.errors import NoMatrixForm

    if graph.network is None:
        raise NoMatrixForm(f"{graph.title} has no layers; it is trained with --form scalar")
    return graph.network


def _about(
    asked: Request, target: Network | Graph, form: str, trainer: Trainer, constants: Sequence[float]
) -> dict[str, Any]:
    """What makes this training another than others, each by a name that a message can use."""
    from backprop_symbolic.printing import Plain

    plan = trainer.plan
    network = target.network if isinstance(target, Graph) else target
    if network is not None:
        shown = " ".join([network.title, *network.activations, network.loss, f"bias {network.bias}"])
    else:
        assert isinstance(target, Graph)
        write = Plain({})
        shown = "; ".join(
            f"{q.symbol.name} = {write(q.definition)}"
            for q in target.quantities.values()
            if q.definition is not None
        )
    about: dict[str, Any] = {
        "network": shown,
        "optimizer": plan.optimizer,
        "learning rate": plan.rate.hex(),
        "batch": plan.batch,
        "samples": trainer.samples.digest,
        "shuffle": asked.seed if asked.shuffle else "none",
        "order of updates": "sequential" if asked.sequential else "all at once",
        "form": form,
        "dtype": asked.dtype,
        "constants": [value.hex() for value in constants],
    }
    update = trainer.engine.update  # type: ignore[attr-defined]
    for setting, value in zip(update.optimizer.settings, update.settings, strict=True):
        about[setting.name] = value.hex()
    return about
