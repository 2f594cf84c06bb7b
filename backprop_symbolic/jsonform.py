"""A derivation as plain JSON data. The schema is documented in docs/json.md and versioned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from backprop_symbolic.derivation import Argument, Derivation, Group, Section, Step
from backprop_symbolic.document import Figure, reasons_of
from backprop_symbolic.printing import BREAK, Latex, Plain

if TYPE_CHECKING:
    from sympy import Expr

    from backprop_symbolic.rendering.base import Options


def as_json(derivation: Derivation, options: Options, schema: str) -> dict[str, Any]:
    """The derivation as dictionaries and lists, every step with rule, uses and evidence.

    Nothing is left out for its detail: what a step uses is always there to be looked up.
    """
    return _Writer(derivation, options, schema).whole()


class _Writer:
    def __init__(self, derivation: Derivation, options: Options, schema: str) -> None:
        from backprop_symbolic.wording import messages

        self.derivation, self.options, self.schema = derivation, options, schema
        self.messages = messages(options.language, options.templates)
        self.latex = Latex(derivation.graph.written(options.language), self.messages["word.otherwise"])
        self.plain = Plain({})

    def expr(self, expr: Expr) -> dict[str, str]:
        return {"text": self.plain(expr), "latex": self.latex(expr).replace(BREAK, "")}

    def whole(self) -> dict[str, Any]:
        graph = self.derivation.graph
        network = graph.network
        return {
            "schema": self.schema,
            "language": self.options.language,
            "network": None if network is None else asdict(network),
            "notation": None if graph.notation is None else graph.notation.name,
            "error": graph.error.name,
            "quantities": [
                {
                    "name": q.symbol.name,
                    "role": q.role,
                    "latex": graph.written(self.options.language)[q.symbol],
                    "definition": None if q.definition is None else self.expr(q.definition),
                }
                for q in graph.quantities.values()
            ],
            "meanings": {s.name: self.expr(e) for s, e in self.derivation.meanings.items()},
            "hypotheses": [{"key": key, "args": self.args(args)} for key, args in self.derivation.hypotheses],
            "sections": [self.section(s) for s in self.derivation.shown],
            "results": {
                w.name: {
                    "gradient": r.gradient.id,
                    "by_delta": r.folded.id,
                    "update": r.update.id,
                }
                for w, r in self.derivation.results.items()
            },
            "evidence": {**self.derivation.evidence, **self.checked()},
            **self.numbers(),
        }

    def checked(self) -> dict[str, Any]:
        """What Coq said of the derivation, where it was asked."""
        checked = self.derivation.checked
        return {} if checked is None else {"coq": asdict(checked)}

    def numbers(self) -> dict[str, Any]:
        """The numbers given and the forward pass with them, where there are any."""
        figures = self.options.figures
        if figures is None:
            return {}
        return {
            "numbers": {
                "digits": figures.digits,
                "given": {
                    s.name: {**self.expr(n), "value": float(n.value), "from": where}
                    for s, (n, where) in figures.leaves.items()
                },
                "forward": {s.name: self.figure(f) for s, f in figures.forward.items()},
            }
        }

    def figure(self, figure: Figure) -> dict[str, Any]:
        return {
            "formula": self.expr(figure.formula),
            "result": self.expr(figure.result),
            "value": figure.value,
        }

    def args(self, args: Mapping[str, Argument]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in args.items():
            if isinstance(value, (str, int)):
                found[name] = value
            elif isinstance(value, tuple):
                found[name] = [self.expr(v) for v in value]
            else:
                found[name] = self.expr(value)
        return found

    def section(self, section: Section) -> dict[str, Any]:
        return {
            "section": section.key,
            "label": section.label,
            "detail": section.detail,
            "args": self.args(section.args),
            "items": [
                self.group(item) if isinstance(item, Group) else self.section(item) for item in section.items
            ],
        }

    def group(self, group: Group) -> dict[str, Any]:
        return {
            "group": group.key,
            "detail": group.detail,
            "args": self.args(group.args),
            "steps": [self.step(s) for s in group.steps],
        }

    def step(self, step: Step) -> dict[str, Any]:
        figures = self.options.figures
        figure = None if figures is None else figures.steps.get(step.id)
        return {
            "id": step.id,
            "lhs": self.expr(step.lhs),
            "rhs": self.expr(step.rhs),
            "rule": step.rule.key,
            "reason": ", ".join(self.messages[m.key] for m in reasons_of(step)),
            "uses": list(step.uses),
            "detail": step.detail,
            "evidence": None if step.evidence is None else asdict(step.evidence),
            **({} if figure is None else {"numbers": self.figure(figure)}),
        }
