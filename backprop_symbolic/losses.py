"""Losses as data: the error of one output, in its target t and its value o.

E = Σ_k part(t_k, o_k), for the n outputs of one sample. Names follow torch.nn.functional, except
`half_sse`, the lecture's ½Σ(t-o)², which the lecture calls MSE. Names differ between books, so
each entry says its exact form, and the same in PyTorch where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from backprop_symbolic.registry import Parameter, Registry, Values, canonical

if TYPE_CHECKING:
    from sympy import Expr, Symbol

#: What targets are: key → the interval in which checks draw them, None for any number.
TARGETS: Mapping[str, tuple[float, float] | None] = {
    "any": None,
    "unit": (0.05, 0.95),
    "distribution": (0.05, 0.95),
    "sign": None,
}


@dataclass(frozen=True)
class Loss:
    """E = Σ_k part(t_k, o_k).

    part        the error of one output, in t, o, the number n of outputs and the parameters
    prime       ∂part/∂o as a derivation uses it; where `through` is set, by the probability; where
                empty, the end of its proof is used
    conditions  keys of hypotheses that must be stated first
    targets     what the targets are, a key of TARGETS; of a distribution they add up to 1
    through     "softmax" where o is not the output itself but its probability e^o_k/Σ_j e^o_j
    parameters  the constants that a user may set; `values` are those that were set
    torch       the same in PyTorch, F being torch.nn.functional, o and t rows; "" where it has none
    """

    name: str
    part: str
    prime: str
    conditions: tuple[str, ...] = ()
    targets: str = "any"
    through: str = ""
    aliases: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    values: Values = ()
    torch: str = ""

    def with_values(self, values: Values) -> Loss:
        """The same loss with other values of its parameters."""
        return replace(self, name=canonical(self.name, values), values=values, aliases=())

    @property
    def base(self) -> str:
        """The name without values."""
        return self.name.partition("(")[0]


losses: Registry[Loss] = Registry("loss", Loss, group="backprop_symbolic.losses")

half_sse = losses.register(
    Loss("half_sse", "1/2*(t - o)**2", "o - t", torch="F.mse_loss(o, t, reduction='sum')/2")
)
sse = losses.register(Loss("sse", "(t - o)**2", "2*(o - t)", torch="F.mse_loss(o, t, reduction='sum')"))
mse = losses.register(
    Loss("mse", "1/n*(t - o)**2", "2/n*(o - t)", aliases=("mse_loss",), torch="F.mse_loss(o, t)")
)
mae = losses.register(
    Loss(
        "mae",
        "1/n*abs(t - o)",
        "1/n*sign(o - t)",
        ("output_off_target",),
        aliases=("l1_loss",),
        torch="F.l1_loss(o, t)",
    )
)
huber = losses.register(
    Loss(
        "huber",
        "1/n*((t - o)**2/2 if abs(t - o) < delta else delta*(abs(t - o) - delta/2))",
        "1/n*(o - t if abs(t - o) < delta else delta*sign(o - t))",
        aliases=("huber_loss",),
        parameters=(Parameter("delta", r"\delta", "1", "positive"),),
        torch="F.huber_loss(o, t, delta=delta)",
    )
)
smooth_l1 = losses.register(
    Loss(
        "smooth_l1",
        "1/n*((t - o)**2/(2*beta) if abs(t - o) < beta else abs(t - o) - beta/2)",
        "1/n*((o - t)/beta if abs(t - o) < beta else sign(o - t))",
        aliases=("smooth_l1_loss",),
        parameters=(Parameter("beta", r"\beta", "1", "positive"),),
        torch="F.smooth_l1_loss(o, t, beta=beta)",
    )
)
log_cosh = losses.register(
    Loss("log_cosh", "log(cosh(o - t))", "tanh(o - t)", torch="torch.log(torch.cosh(o - t)).sum()")
)
binary_cross_entropy = losses.register(
    Loss(
        "binary_cross_entropy",
        "-(t*log(o) + (1 - t)*log(1 - o))",
        "(o - t)/(o*(1 - o))",
        ("output_in_unit_interval",),
        "unit",
        aliases=("bce", "bce_loss"),
        torch="F.binary_cross_entropy(o, t, reduction='sum')",
    )
)
binary_cross_entropy_with_logits = losses.register(
    Loss(
        "binary_cross_entropy_with_logits",
        "log(1 + exp(o)) - t*o",
        "sigmoid(o) - t",
        targets="unit",
        aliases=("bce_with_logits", "bce_with_logits_loss"),
        torch="F.binary_cross_entropy_with_logits(o, t, reduction='sum')",
    )
)
categorical_cross_entropy = losses.register(
    Loss(
        "categorical_cross_entropy",
        "-(t*log(o))",
        "-(t/o)",
        ("output_positive",),
        "distribution",
        aliases=("nll", "cce"),
        torch="-(t*torch.log(o)).sum()",
    )
)
softmax_cross_entropy = losses.register(
    Loss(
        "softmax_cross_entropy",
        "-(t*log(o))",
        "-(t/o)",
        targets="distribution",
        through="softmax",
        aliases=("cross_entropy",),
        torch="F.cross_entropy(o, t, reduction='sum')",
    )
)
kl_div = losses.register(
    Loss(
        "kl_div",
        "t*log(t/o)",
        "-(t/o)",
        ("target_positive", "output_positive"),
        "distribution",
        aliases=("kullback_leibler",),
        torch="F.kl_div(torch.log(o), t, reduction='sum')",
    )
)
hinge = losses.register(
    Loss(
        "hinge",
        "1 - t*o if t*o < 1 else 0",
        "-t if t*o < 1 else 0",
        ("target_sign", "off_margin"),
        "sign",
        torch="torch.clamp(1 - t*o, min=0).sum()",
    )
)
squared_hinge = losses.register(
    Loss(
        "squared_hinge",
        "(1 - t*o)**2 if t*o < 1 else 0",
        "-(2*t*(1 - t*o)) if t*o < 1 else 0",
        ("target_sign",),
        "sign",
        torch="(torch.clamp(1 - t*o, min=0)**2).sum()",
    )
)
poisson = losses.register(
    Loss(
        "poisson",
        "exp(o) - t*o",
        "exp(o) - t",
        aliases=("poisson_nll", "poisson_nll_loss"),
        torch="F.poisson_nll_loss(o, t, reduction='sum')",
    )
)
focal = losses.register(
    Loss(
        "focal",
        "-(t*(1 - o)**gamma*log(o) + (1 - t)*o**gamma*log(1 - o))",
        "t*(gamma*(1 - o)**(gamma - 1)*log(o) - (1 - o)**gamma/o)"
        " + (1 - t)*(o**gamma/(1 - o) - gamma*o**(gamma - 1)*log(1 - o))",
        ("output_in_unit_interval",),
        "unit",
        aliases=("focal_loss", "binary_focal"),
        parameters=(Parameter("gamma", r"\gamma", "2", "whole"),),
        torch="-(t*(1 - o)**gamma*torch.log(o) + (1 - t)*o**gamma*torch.log(1 - o)).sum()",
    )
)


def loss(name: str) -> Loss:
    """The loss called `name`, or made from it where it is a formula in t and o (and n).

    Raises UnknownName with the nearest name, or BadExpression for a formula that is none.
    """
    given = re.match(r"\s*\w+\s*\(\s*\w+\s*=(?!=)", name)  # huber(delta=2)
    formula = not given and re.search(r"\b[to]\b|[^\w\s-]|^\s*-?\s*\d", name)
    return of_formula(name) if formula else losses.get(name)


@lru_cache(maxsize=64)
def of_formula(text: str) -> Loss:
    """The loss Σ text. Raises BadExpression or UnknownName for what is no formula in t and o."""
    from sympy import Symbol

    from backprop_symbolic.activations import function_symbol
    from backprop_symbolic.cases import refuse_towers
    from backprop_symbolic.errors import BadExpression, NotDifferentiable, quoted
    from backprop_symbolic.expressions import parse

    def names(name: str) -> Expr | None:
        if name in ("t", "o", "n", "pi"):
            return None if name == "pi" else Symbol(name)
        raise BadExpression(
            f"{quoted(name)} is no name here: a loss is written in the target t, the output o and "
            "the number n of outputs"
        )

    shown = " ".join(text.split())
    where = f"loss {quoted(shown)}"
    parsed = parse(shown, names, function_symbol, where=where)
    try:
        refuse_towers(parsed, Symbol("o"))
    except NotDifferentiable as error:
        raise NotDifferentiable(f"{where}: {error}") from None
    return Loss(shown, shown, "")


def part(loss: Loss, target: Expr, output: Expr, outputs: int) -> Expr:
    """The error of one output of `outputs`."""
    return _parsed(loss.part, loss, target, output, outputs)


def prime(loss: Loss, target: Expr, output: Expr, outputs: int) -> Expr:
    """∂part/∂output, in the form a derivation uses; where none is stated, the end of its proof."""
    if not loss.prime:
        from backprop_symbolic.calculus import lines

        return lines(part(loss, target, output, outputs), cast("Symbol", output))[-1].expr
    return _parsed(loss.prime, loss, target, output, outputs)


def symbolic_part(loss: Loss, target: Expr, output: Expr, number: Symbol) -> Expr:
    """The error of one output, the number of outputs left as a letter."""
    return _symbolic(loss.part, loss, target, output, number)


def symbolic_prime(loss: Loss, target: Expr, output: Expr, number: Symbol) -> Expr | None:
    """∂part/∂output as the loss states it, n left as a letter; None where it states none."""
    return _symbolic(loss.prime, loss, target, output, number) if loss.prime else None


def _symbolic(text: str, loss: Loss, target: Expr, output: Expr, number: Symbol) -> Expr:
    from backprop_symbolic.activations import function_symbol
    from backprop_symbolic.algebra import settled
    from backprop_symbolic.expressions import parse, typed_number

    given = dict(loss.values)
    values = {p.name: typed_number(given.get(p.name, p.default)) for p in loss.parameters}
    return settled(parse(text, {"t": target, "o": output, "n": number, **values}.get, function_symbol))


def general(loss: Loss) -> Expr:
    """part(t, o) with t, o, n and the parameters as symbols."""
    from sympy import Symbol

    from backprop_symbolic.activations import function_symbol
    from backprop_symbolic.expressions import parse

    names: dict[str, Expr] = {name: Symbol(name) for name in ("t", "o", "n")}
    names.update({p.name: Symbol(p.name) for p in loss.parameters})
    return parse(loss.part, names.get, function_symbol, where=f"loss '{loss.name}'")


@lru_cache(maxsize=4096)
def _parsed(text: str, loss: Loss, target: Expr, output: Expr, outputs: int) -> Expr:
    from sympy import Integer

    from backprop_symbolic.activations import function_symbol
    from backprop_symbolic.algebra import settled
    from backprop_symbolic.calculus import tidy
    from backprop_symbolic.expressions import parse, typed_number

    given = dict(loss.values)
    names: dict[str, Expr] = {"t": target, "o": output, "n": Integer(outputs)}
    names.update({p.name: typed_number(given.get(p.name, p.default)) for p in loss.parameters})
    parsed = parse(text, names.get, function_symbol, where=f"loss '{loss.name}'")
    if loss.parameters:
        parsed = settled(parsed)
    return tidy(parsed) if outputs == 1 else parsed
