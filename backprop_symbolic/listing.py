"""What there is to choose from: activations, losses, notations, languages, formats, a line for each.

Nothing here needs SymPy: formulas are shown as the registries hold them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from backprop_symbolic.activations import activations, layer_activations
from backprop_symbolic.losses import Loss, losses
from backprop_symbolic.notation import builtin_names, notation
from backprop_symbolic.registry import Parameter
from backprop_symbolic.wording import languages, messages

#: One thing to choose: its name, what it is, and what else is known of it.
Item = dict[str, Any]


def listing(language: str) -> Mapping[str, Callable[[], list[Item]]]:
    """The lists by their names, each made when it is asked for. Raises UnknownName for a language."""
    words = messages(language)
    return {
        "activations": _activations,
        "losses": _losses,
        "notations": lambda: [_notation(name, language) for name in builtin_names()],
        "languages": lambda: [
            {"name": code, "summary": messages(code)["word.language"]} for code in languages()
        ],
        "formats": lambda: [
            {"name": key.partition(".")[2], "summary": text}
            for key, text in words.items()
            if key.startswith("format.")
        ],
    }


def broken() -> list[str]:
    """The plug-ins that cannot be used, one line each."""
    return [*activations.broken().values(), *losses.broken().values()]


def as_text(lists: Mapping[str, list[Item]]) -> str:
    """The lists for a terminal: name, what it is, parameters; a heading where there are several."""
    blocks = []
    for title, items in lists.items():
        width = max((len(item["name"]) for item in items), default=0)
        lines = [f"{item['name']:<{width}}  {_line(item)}".rstrip() for item in items]
        blocks.append("\n".join([*([title] if len(lists) > 1 else []), *_indented(lines, len(lists) > 1)]))
    return "\n\n".join(blocks) + "\n"


def _indented(lines: Iterable[str], deeper: bool) -> list[str]:
    return [f"  {line}" for line in lines] if deeper else list(lines)


def _line(item: Item) -> str:
    given = ", ".join(f"{name} = {value}" for name, value in item.get("parameters", {}).items())
    return f"{item['summary']}  ({given})" if given else str(item["summary"])


def _activations() -> list[Item]:
    return [
        {
            "name": entry.name,
            "summary": entry.formula,
            "parameters": _defaults(getattr(entry, "parameters", ())),
            "aliases": list(entry.aliases),
            "pytorch": entry.torch,
        }
        for entry in (*activations, *layer_activations)
    ]


def _losses() -> list[Item]:
    return [
        {
            "name": loss.name,
            "summary": exact_form(loss),
            "parameters": _defaults(loss.parameters),
            "aliases": list(loss.aliases),
            "pytorch": loss.torch,
        }
        for loss in losses
    ]


def exact_form(loss: Loss) -> str:
    """Σ over the n outputs o of one sample with targets t, as plain text."""
    through = f", o = {loss.through} of the outputs" if loss.through else ""
    part = loss.part
    # A sum or cases as the summand stand in brackets.
    bare = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", part)))
    return f"Σ ({part}){through}" if " " in bare else f"Σ {part}{through}"


def _defaults(parameters: Iterable[Parameter]) -> dict[str, str]:
    return {p.name: p.default for p in parameters}


def _notation(name: str, language: str) -> Item:
    return {"name": name, "summary": notation(name).summary[language]}
