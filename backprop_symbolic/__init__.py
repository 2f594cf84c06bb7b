"""Backpropagation written down step by step, every line verified.

>>> from backprop_symbolic import Network, derive
>>> derive(Network.dense([2, 2, 2]), "w31").gradient
y_h1*y_o1*(1 - y_o1)*(y_o1 - y_t1)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_symbolic.api import VerifiedDerivation, derive, prove_activation, prove_loss
    from backprop_symbolic.errors import BackpropError
    from backprop_symbolic.graph import Graph, read
    from backprop_symbolic.spec import Network

__version__ = "0.1.0"
__all__ = [
    "BackpropError",
    "Graph",
    "Network",
    "VerifiedDerivation",
    "derive",
    "prove_activation",
    "prove_loss",
    "read",
]

#: Where each public name lives; loaded on first use, so that `--help` does not wait for SymPy.
_HOME = {
    "BackpropError": "errors",
    "Graph": "graph",
    "Network": "spec",
    "VerifiedDerivation": "api",
    "derive": "api",
    "prove_activation": "api",
    "prove_loss": "api",
    "read": "graph",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
