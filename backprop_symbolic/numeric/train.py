"""The lecture's loop: run, compare, update, again, until the error stops falling.

One iteration is one update, by one batch; one epoch is one pass over the samples. The error of a
batch is the mean of its samples' errors before the update, that of an epoch the mean over all its
samples.

    Trainer      what is trained, how far it has come; `steps()` goes on from there
    Scalar       numbers: the program as derived, sample by sample
    Arrays       NumPy: the matrix form, a batch at once, everything in place
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from backprop_symbolic.errors import BadSetting, Diverged
from backprop_symbolic.numeric import optimizers as rules
from backprop_symbolic.numeric.samples import Batch, Samples

if TYPE_CHECKING:
    from backprop_symbolic.derivation import Derivation
    from backprop_symbolic.numeric.compile import Compiled
    from backprop_symbolic.spec import Network

#: What arithmetic raises in a program of numbers.
ARITHMETIC = (OverflowError, ValueError, ZeroDivisionError)
#: Names of the reasons for stopping.
ITERATIONS, UNTIL_ERROR, PATIENCE = "iterations", "until_error", "patience"
#: Points of an error curve that are kept; beyond them every other is dropped.
MAX_POINTS = 4096


@dataclass(frozen=True)
class Plan:
    """How to train: optimiser, its hyperparameters, learning rate, batches, and when to stop.

    until_error  stop after the first epoch whose error is at most this
    patience     stop after so many epochs in a row with no error below the least so far; 0: never
    """

    optimizer: str = "sgd"
    settings: Mapping[str, float] = field(default_factory=dict)
    rate: float = 0.5
    batch: int = 1
    iterations: int = 10_000
    until_error: float | None = None
    patience: int = 100


class Engine(Protocol):
    """One iteration in two halves, between which nothing has changed yet.

    `look` gives the error of a batch and what `move` needs; `move` gives new parameters and states.
    """

    def look(self, parameters: Any, batch: Batch) -> tuple[float, Any]: ...
    def move(self, parameters: Any, states: Any, found: Any, t: int) -> tuple[Any, Any]: ...
    def states(self, parameters: Any) -> Any:
        """The optimiser's states before the first update."""

    def error(self, parameters: Any, batch: Batch) -> float:
        """The error alone."""

    def is_finite(self, parameters: Any) -> bool: ...
    def culprit(self, parameters: Any, batch: Batch) -> str:
        """The first quantity that is not finite, "" where all are."""

    def lost(self, parameters: Any) -> str:
        """The first parameter that is not finite."""

    def where(self, error: BaseException) -> str: ...


class Scalar:
    """Training on numbers, with the program that the derivation became.

    One sample and plain gradient descent are one call of the generated `step`; a batch is the mean
    of its samples' gradients, and the optimiser's rule is applied to that.
    """

    def __init__(
        self, compiled: Compiled, update: rules.Updating, rate: float, constants: Sequence[float] = ()
    ) -> None:
        self.compiled, self.update, self.rate, self.constants = compiled, update, rate, tuple(constants)
        self.order = [compiled.derived.index(name) for name in compiled.parameters]
        self.plain = update.optimizer.name == "sgd"
        self.one_step = compiled.functions["step"]
        self.slopes = compiled.functions["gradient"]

    def look(self, parameters: Any, batch: Batch) -> tuple[float, Any]:
        xs, ts = batch
        if self.plain and len(xs) == 1:
            error, moved = self.one_step(parameters, xs[0], ts[0], self.rate, self.constants)
            return error, (moved, None)
        found = [self.slopes(parameters, x, t, self.constants) for x, t in zip(xs, ts, strict=True)]
        count = len(found)
        error = sum(e for e, _ in found) / count
        return error, (None, [sum(g[i] for _, g in found) / count for i in self.order])

    def move(self, parameters: Any, states: Any, found: Any, t: int) -> tuple[Any, Any]:
        moved, gradients = found
        if moved is not None:
            return moved, states
        return self.update(parameters, gradients, states, t, self.rate)

    def states(self, parameters: Any) -> Any:
        return tuple((0.0,) * len(parameters) for _ in self.update.optimizer.states)

    def error(self, parameters: Any, batch: Batch) -> float:
        found = [self.slopes(parameters, x, t, self.constants)[0] for x, t in zip(*batch, strict=True)]
        return float(sum(found) / len(found))

    def is_finite(self, parameters: Any) -> bool:
        # A sum that is finite holds no number that is not; one that is not proves nothing.
        return math.isfinite(sum(parameters)) or all(map(math.isfinite, parameters))

    def culprit(self, parameters: Any, batch: Batch) -> str:
        for x, t in zip(*batch, strict=True):
            for name, value in self.compiled.values(parameters, x, t, self.constants).items():
                if not math.isfinite(value):
                    return name
        return ""

    def lost(self, parameters: Any) -> str:
        pairs = zip(self.compiled.parameters, parameters, strict=True)
        return next(name for name, value in pairs if not math.isfinite(value))

    def where(self, error: BaseException) -> str:
        return self.compiled.where(error) or self.update.optimizer.name


class Arrays:
    """Training on NumPy arrays: parameters are W1, b1, W2, …, changed in place.

    Besides them there are one gradient for each, the activations of one batch, and scratch as long
    as the largest parameter, for Adam twice.
    """

    def __init__(
        self, compiled: Compiled, update: rules.Updating, rate: float, constants: Sequence[Any] = ()
    ) -> None:
        self.compiled, self.update, self.rate, self.constants = compiled, update, rate, tuple(constants)
        self.work: dict[int, Any] = {}
        self.gradients: list[Any] | None = None
        self.scratch: list[Any] = []

    def room(self, parameters: Sequence[Any], samples: int) -> Any:
        """The buffers for a batch of so many samples, kept until a batch has another number."""
        import numpy as np

        if self.gradients is None:
            self.gradients = [np.empty_like(p) for p in parameters]
        if samples not in self.work:
            self.work = {}
            self.work = {samples: self.compiled.functions["workspace"](samples)}
            self.scratch = self.spare(parameters, self.work[samples])
        return self.work[samples]

    def spare(self, parameters: Sequence[Any], work: Sequence[Any]) -> list[Any]:
        """Scratch for the update: buffers of the pass, which needs them no more, and new ones."""
        import numpy as np

        longest, needed = max(p.size for p in parameters), self.update.buffers
        whole = {id(b): b for b in (view if view.base is None else view.base for view in work)}.values()
        usable = [b for b in whole if b.ndim == 1 and b.size >= longest and b.dtype == parameters[0].dtype]
        new = [np.empty(longest, self.compiled.dtype) for _ in range(needed - len(usable))]
        return [*usable[:needed], *new]

    def look(self, parameters: Any, batch: Batch) -> tuple[float, Any]:
        xs, ts = batch
        work = self.room(parameters, len(xs))
        return self.compiled.functions["gradient"](  # type: ignore[no-any-return]
            parameters, xs, ts, self.constants, work, self.gradients
        )

    def move(self, parameters: Any, states: Any, found: Any, t: int) -> tuple[Any, Any]:
        import numpy as np

        with np.errstate(all="ignore"):  # inf and nan are seen in the numbers
            return self.update(parameters, found, states, t, self.rate, self.scratch)

    def states(self, parameters: Any) -> Any:
        import numpy as np

        return tuple([np.zeros_like(p) for p in parameters] for _ in self.update.optimizer.states)

    def error(self, parameters: Any, batch: Batch) -> float:
        return self.look(parameters, batch)[0]

    def is_finite(self, parameters: Any) -> bool:
        import numpy as np

        with np.errstate(all="ignore"):
            return all(np.isfinite(p.sum()) or np.isfinite(p).all() for p in parameters)

    def culprit(self, parameters: Any, batch: Batch) -> str:
        import numpy as np

        x, t = map(np.asarray, batch)
        found = self.compiled.values(parameters, x, t, self.constants)
        return next((name for name, value in found.items() if not np.isfinite(value).all()), "")

    def lost(self, parameters: Any) -> str:
        import numpy as np

        for name, array in zip(self.compiled.parameters, parameters, strict=True):
            if not np.isfinite(array).all():
                place = ", ".join(str(int(i) + 1) for i in np.argwhere(~np.isfinite(array))[0])
                return f"{name}[{place}]"
        return ""

    def where(self, error: BaseException) -> str:
        return self.compiled.where(error) or self.update.optimizer.name


@dataclass
class Trainer:
    """A training and how far it has come; after each of `steps()` it can be saved and gone on with.

    iteration   updates done         epoch, position  samples of this epoch that are done
    began       updates that were done when this epoch began
    total       the errors of this epoch, summed over its samples
    best        the least error of an epoch, `waited` the epochs since then
    reason      why it stopped, "" before
    curve       (iteration at which an epoch began, its error)
    """

    engine: Engine
    samples: Samples
    plan: Plan
    parameters: Any
    states: Any = ()
    iteration: int = 0
    epoch: int = 0
    position: int = 0
    total: float = 0.0
    best: float = math.inf
    waited: int = 0
    began: int = 0
    reason: str = ""
    curve: Curve = field(default_factory=lambda: Curve())

    def __post_init__(self) -> None:
        _check(self.plan)
        if not self.iteration:
            self.states = self.engine.states(self.parameters)

    def steps(self, watch: Callable[[int, float, Any], None] | None = None) -> Iterator[int]:
        """Iterates, and gives the number of updates done after each.

        `watch` is told the updates done, the error of the batch and the parameters before each
        update. Raises Diverged with the iteration and the quantity.
        """
        engine, plan = self.engine, self.plan
        look, move, is_finite, isfinite = engine.look, engine.move, engine.is_finite, math.isfinite
        while not self.reason:
            if self.iteration >= plan.iterations:
                self.reason = ITERATIONS
                return
            if self.position == 0:
                self.began = self.iteration
            for batch in self.samples.batches(plan.batch, self.epoch, self.position):
                if self.iteration >= plan.iterations:
                    self.reason = ITERATIONS
                    return
                before = self.parameters
                try:
                    error, found = look(before, batch)
                    if not isfinite(error):
                        raise self.diverged(engine.culprit(before, batch) or "the error")
                    if watch is not None:
                        watch(self.iteration, error, before)
                    parameters, states = move(before, self.states, found, self.iteration + 1)
                except ARITHMETIC as reason:
                    raise self.diverged(engine.where(reason), str(reason)) from None
                if not is_finite(parameters):
                    raise self.diverged(self.lost(before, batch, parameters))
                count = len(batch[0])
                self.parameters, self.states = parameters, states
                self.iteration += 1
                self.position += count
                self.total += error * count
                if self.position >= self.samples.count:
                    self.finish_epoch()
                yield self.iteration
                if self.reason:
                    return

    def finish_epoch(self) -> None:
        """The error of the epoch, and whether it is a reason to stop."""
        error = self.total / self.position
        self.curve.add(self.began, error)
        self.waited = 0 if error < self.best else self.waited + 1
        self.best = min(self.best, error)
        self.epoch, self.position, self.total = self.epoch + 1, 0, 0.0
        if self.plan.until_error is not None and error <= self.plan.until_error:
            self.reason = UNTIL_ERROR
        elif self.plan.patience and self.waited >= self.plan.patience:
            self.reason = PATIENCE

    def lost(self, before: Any, batch: Batch, after: Any) -> str:
        """What was not finite first: a quantity of the pass that moved the parameters, or one of them."""
        moved_in_place = before is after
        try:
            return ("" if moved_in_place else self.engine.culprit(before, batch)) or self.engine.lost(after)
        except ARITHMETIC as reason:
            return self.engine.where(reason)

    def diverged(self, name: str, detail: str = "") -> Diverged:
        shown = f" ({detail})" if detail else ""
        return Diverged(
            f"iteration {self.iteration + 1}: {name} is no longer a finite number{shown}; "
            f"a learning rate below {self.plan.rate:g} may help"
        )

    def error(self) -> float:
        """The mean error over all samples with the parameters as they are."""
        total, count = 0.0, 0
        try:
            for batch in self.samples.batches(self.plan.batch):
                error = self.engine.error(self.parameters, batch)
                if not math.isfinite(error):
                    raise self.diverged(self.engine.culprit(self.parameters, batch) or "the error")
                total += error * len(batch[0])
                count += len(batch[0])
        except ARITHMETIC as reason:
            raise self.diverged(self.engine.where(reason), str(reason)) from None
        return total / count


@dataclass
class Curve:
    """Points of the error curve, evenly thinned so that there are never more than MAX_POINTS."""

    points: list[tuple[int, float]] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, iteration: int, error: float) -> None:
        if self.seen % self.stride == 0:
            self.points.append((iteration, error))
            if len(self.points) > MAX_POINTS:
                self.points = self.points[::2]
                self.stride *= 2
        self.seen += 1


def _check(plan: Plan) -> None:
    rules.check_rate(plan.rate)
    for name, value, low in (("iterations", plan.iterations, 1), ("batch", plan.batch, 1),
                             ("patience", plan.patience, 0)):  # fmt: skip
        if value < low:
            raise BadSetting(f"--{name} {value}: it must be at least {low}")
    if plan.until_error is not None and not plan.until_error >= 0:
        raise BadSetting(f"--until-error {plan.until_error:g}: it must be at least 0")


def scalar_engine(derivation: Derivation, plan: Plan, constants: Sequence[float] = ()) -> Scalar:
    """Training on numbers for a derivation of all parameters."""
    from backprop_symbolic.numeric.compile import compile_scalar

    update = rules.compile_scalar(rules.optimizers.get(plan.optimizer), plan.settings)
    return Scalar(compile_scalar(derivation), update, plan.rate, constants)


def sequential_engine(derivation: Derivation, plan: Plan, constants: Sequence[float] = ()) -> Scalar:
    """The same, but each layer's δ by the already updated weights above it.

    That is not the gradient of the error, see `sequential`. It goes with plain gradient descent on
    one sample after the other.
    """
    from backprop_symbolic.numeric.compile import compile_scalar
    from backprop_symbolic.numeric.sequential import sequential

    if plan.optimizer != "sgd" or plan.batch != 1:
        raise BadSetting("--sequential goes with --optimizer sgd and --batch 1: one sample, one update")
    update = rules.compile_scalar(rules.optimizers.get("sgd"), {})
    return Scalar(sequential(compile_scalar(derivation), derivation), update, plan.rate, constants)


def array_engine(
    network: Network, plan: Plan, constants: Sequence[Any] = (), dtype: str = "float64"
) -> Arrays:
    """Training on arrays for a network."""
    from backprop_symbolic.numeric.compile import compile_matrix

    compiled = compile_matrix(network, dtype)
    update = rules.compile_arrays(rules.optimizers.get(plan.optimizer), plan.settings)
    return Arrays(compiled, update, plan.rate, constants)
