"""The drawings of the notes. Stand-ins until those of `pictures` and `plots` are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Symbol

from backprop_symbolic.activations import activation
from backprop_symbolic.document import Drawing, Message, Picture
from backprop_symbolic.graph import Graph


@dataclass(frozen=True)
class _Curves:
    """f and f' of some functions."""

    functions: tuple[str, ...]
    kinds: tuple[str, ...] = ("svg", "png", "pdf")

    def draw(self, kind: str, names: Mapping[Symbol, str], language: str) -> bytes:
        from backprop_symbolic import plots

        return plots.curves([activation(name) for name in self.functions], kind, language)


@dataclass(frozen=True)
class _ErrorCurve:
    """The error against the iteration."""

    points: tuple[tuple[int, float], ...]
    kinds: tuple[str, ...] = ("svg", "png", "pdf")

    def draw(self, kind: str, names: Mapping[Symbol, str], language: str) -> bytes:
        from backprop_symbolic import plots

        return plots.error_curve(self.points, kind, language)


def curves(functions: tuple[str, ...]) -> Drawing:
    """f and f' side by side."""
    return _Curves(functions)


def error_curve(points: Sequence[tuple[int, float]]) -> Drawing:
    """The error against the iteration."""
    return _ErrorCurve(tuple(points))


def path(graph: Graph, parameter: Symbol, name: str) -> Picture | None:
    """The network with the paths of a parameter."""
    return None


__all__ = ["Message", "curves", "error_curve", "path"]
