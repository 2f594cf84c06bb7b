"""Derivations with a damaged step."""

from __future__ import annotations

from dataclasses import replace

from backprop_symbolic.derivation import Derivation, Group, Section, Step


def with_step(about: Derivation, damaged: Step) -> Derivation:
    """The derivation with one step exchanged wherever it stands."""

    def fix(step: Step) -> Step:
        return damaged if step.id == damaged.id else step

    def section(part: Section) -> Section:
        return replace(
            part,
            items=tuple(
                replace(item, steps=tuple(map(fix, item.steps))) if isinstance(item, Group) else section(item)
                for item in part.items
            ),
        )

    return replace(
        about,
        sections=tuple(map(section, about.sections)),
        definitions={d: fix(s) for d, s in about.definitions.items()},
        results={
            w: replace(r, gradient=fix(r.gradient), folded=fix(r.folded), update=fix(r.update))
            for w, r in about.results.items()
        },
    )
