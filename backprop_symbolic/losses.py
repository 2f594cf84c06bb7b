"""Losses as data: the error of one output, in its target t and its value o.

E = Σ_k part(t_k, o_k), for n outputs. Names follow torch.nn.functional, except `half_sse`, the
lecture's ½Σ(t-o)², which the lecture calls MSE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from backprop_symbolic.registry import Registry

if TYPE_CHECKING:
    from sympy import Expr, Symbol


@dataclass(frozen=True)
class Loss:
    """E = Σ_k part(t_k, o_k).

    part       the error of one output, in t, o and the number n of outputs
    prime      ∂part/∂o as a derivation uses it; where empty, the end of its proof is used
    condition  key of a hypothesis that must be stated first ("" where there is none)
    """

    name: str
    part: str
    prime: str
    condition: str = ""


losses: Registry[Loss] = Registry("loss")

half_sse = losses.register(Loss("half_sse", "1/2*(t - o)**2", "o - t"))
sse = losses.register(Loss("sse", "(t - o)**2", "2*(o - t)"))
mse = losses.register(Loss("mse", "1/n*(t - o)**2", "2/n*(o - t)"))
mae = losses.register(Loss("mae", "1/n*abs(t - o)", "1/n*sign(o - t)", "output_off_target"))
log_cosh = losses.register(Loss("log_cosh", "log(cosh(o - t))", "tanh(o - t)"))
binary_cross_entropy = losses.register(
    Loss(
        "binary_cross_entropy",
        "-(t*log(o) + (1 - t)*log(1 - o))",
        "(o - t)/(o*(1 - o))",
        "output_in_unit_interval",
    )
)


def loss(name: str) -> Loss:
    """The loss called `name`, or made from it where it is a formula in t and o (and n).

    Raises UnknownName with the nearest name, or BadExpression for a formula that is none.
    """
    return of_formula(name) if re.search(r"\b[to]\b|[^\w\s-]|^\s*-?\s*\d", name) else losses.get(name)


@lru_cache(maxsize=64)
def of_formula(text: str) -> Loss:
    """The loss Σ text. Raises BadExpression or UnknownName for what is no formula in t and o."""
    from sympy import Symbol

    from backprop_symbolic.activations import function_symbol
    from backprop_symbolic.errors import BadExpression, quoted
    from backprop_symbolic.expressions import parse

    def names(name: str) -> Expr | None:
        if name in ("t", "o", "n", "pi"):
            return None if name == "pi" else Symbol(name)
        raise BadExpression(
            f"{quoted(name)} is no name here: a loss is written in the target t, the output o and "
            "the number n of outputs"
        )

    shown = " ".join(text.split())
    parse(shown, names, function_symbol, where=f"loss {quoted(shown)}")
    return Loss(shown, shown, "")


def part(loss: Loss, target: Expr, output: Expr, outputs: int) -> Expr:
    """The error of one output of `outputs`."""
    return _parsed(loss.part, target, output, outputs)


def prime(loss: Loss, target: Expr, output: Expr, outputs: int) -> Expr:
    """∂part/∂output, in the form a derivation uses; where none is stated, the end of its proof."""
    if not loss.prime:
        from backprop_symbolic.calculus import lines

        return lines(part(loss, target, output, outputs), cast("Symbol", output))[-1].expr
    return _parsed(loss.prime, target, output, outputs)


def symbolic_part(loss: Loss, target: Expr, output: Expr, number: Symbol) -> Expr:
    """The error of one output, the number of outputs left as a letter."""
    return _symbolic(loss.part, target, output, number)


def symbolic_prime(loss: Loss, target: Expr, output: Expr, number: Symbol) -> Expr | None:
    """∂part/∂output as the loss states it, n left as a letter; None where it states none."""
    return _symbolic(loss.prime, target, output, number) if loss.prime else None


def _symbolic(text: str, target: Expr, output: Expr, number: Symbol) -> Expr:
    from backprop_symbolic.activations import function_symbol
    from backprop_symbolic.expressions import parse

    return parse(text, {"t": target, "o": output, "n": number}.get, function_symbol)


def _parsed(text: str, target: Expr, output: Expr, outputs: int) -> Expr:
    from sympy import Integer

    from backprop_symbolic.activations import function_symbol
    from backprop_symbolic.calculus import tidy
    from backprop_symbolic.expressions import parse

    names: dict[str, Expr] = {"t": target, "o": output, "n": Integer(outputs)}
    parsed = parse(text, names.get, function_symbol)
    return tidy(parsed) if outputs == 1 else parsed
