"""Which derivatives of the chain rule are written along the paths, where these are few."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Symbol

from backprop_symbolic.pictures.chart import Chart, Edge

MAX_ROUTES = 2
MAX_NOTES = 14


def derivatives(chart: Chart) -> Mapping[Edge, tuple[Symbol, Symbol]]:
    """Edge → (of, by), the derivative ∂of/∂by that the chain rule takes along it.

    ∂E/∂E_k is 1 and not written; on a single path ∂E_k/∂y is written ∂E/∂y, which is the same there.
    None at all where paths are many, or where ∂of/∂by along an edge is not the whole derivative,
    because a second way leads from `by` to `of`.
    """
    graph, members = chart.graph, chart.members
    if len(chart.routes) > MAX_ROUTES or any(route.kind != "path" for route in chart.routes):
        return {}
    users: dict[Symbol, set[Symbol]] = {}
    for q, user in members:
        users.setdefault(q, set()).add(user)
    for found in users.values():
        if any(_leads(users, other, user) for user in found for other in found - {user}):
            return {}
    notes = {}
    for q, user in members:
        if not (user == graph.error and graph[q].role == "part"):
            alone = graph[user].role == "part" and len(chart.routes) == 1
            notes[q, user] = (graph.error if alone else user, q)
    return notes if len(notes) <= MAX_NOTES else {}


def _leads(users: Mapping[Symbol, set[Symbol]], start: Symbol, end: Symbol) -> bool:
    """Whether a path leads from one quantity to another."""
    todo, seen = [start], {start}
    while todo:
        for user in users.get(todo.pop(), ()):
            if user == end:
                return True
            if user not in seen:
                seen.add(user)
                todo.append(user)
    return False
