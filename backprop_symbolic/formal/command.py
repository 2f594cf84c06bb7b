"""`backprop prove`: from options to a script, to a verdict, to a report; and `--proved` of other commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from backprop_symbolic import activations, losses
from backprop_symbolic.api import derive
from backprop_symbolic.derivation import Checked, Derivation
from backprop_symbolic.document import Message
from backprop_symbolic.errors import unknown
from backprop_symbolic.formal import coqc, functions
from backprop_symbolic.formal.coqc import Compiler, NotProved, Verdict
from backprop_symbolic.formal.script import NotExported, Script
from backprop_symbolic.graph import Graph
from backprop_symbolic.rendering.base import Words

FORMATS = ("text", "json")
#: How a program that writes a script or a report is told what to write where.
Write = Callable[[str, str | None], None]


# ---------------------------------------------------------------- what is to be proved


def of_network(graph: Graph, weight: str) -> Script:
    """The script of ∂E/∂w for some parameters, or all. Raises what `derive` raises, and NotExported."""
    from backprop_symbolic.formal import network

    names: str | Sequence[str] = "all" if weight.strip() == "all" else weight.split() or [weight]
    return network.script(derive(graph, names).derivation)


def of_activation(name: str) -> Script:
    """The script of f' for an activation or a formula in x.

    Raises UnknownName, BadExpression, NotExported.
    """
    return functions.activation_script(activations.layer_function(name))


def of_loss(name: str) -> Script:
    """The script of ∂E/∂o for a loss or a formula in t and o.

    Raises UnknownName, BadExpression, NotExported.
    """
    return functions.loss_script(losses.loss(name))


# ---------------------------------------------------------------- the command


def checked_format(name: str) -> str:
    """A format of the report. Raises UnknownName."""
    if name not in FORMATS:
        raise unknown("format", name, FORMATS, "of a report")
    return name


def prove(script: Script, options: Mapping[str, Any], write: Write, tell: Callable[[str], None]) -> int:
    """Writes the script, runs coqc where that is asked for, and reports: 0 where it is proved, 1 where not.

    The script is written first: it is there also where coqc is not. Raises NotInstalled.
    """
    if options["output"] is not None or not options["run"]:
        write(script.text, options["output"])
    if not options["run"]:
        return 0
    patience = coqc.PATIENCE if options["timeout"] is None else options["timeout"]
    compiler = coqc.find()
    tell(f"coqc {compiler.version}")
    verdict = coqc.check(script, compiler, patience)
    write(REPORTS[options["format_"]](verdict, options["lang"]), None)
    return 0 if verdict.proved else 1


def as_text(verdict: Verdict, language: str) -> str:
    """The verdict for a reader, a line for each thing that it says."""
    words = Words(language, str, str)

    def say(key: str, **args: str | int) -> str:
        return words(Message(f"prove.{key}", args))

    lines = [
        say("proved", version=verdict.version)
        if verdict.proved
        else say("rejected", version=verdict.version, why=verdict.error)
    ]
    if verdict.proved:
        lines.append(say("theorems", count=len(verdict.theorems), names=", ".join(verdict.theorems)))
        named = ", ".join(verdict.axioms)
        lines.append(say("axioms", axioms=named) if verdict.axioms else say("no_axioms"))
    seconds, megabytes = f"{verdict.seconds:.1f}", str(round(verdict.memory / 1e6))
    lines.append(say("cost", seconds=seconds, memory=megabytes))
    lines.append(say("digest", digest=verdict.digest))
    return "\n".join(lines) + "\n"


def as_json(verdict: Verdict, language: str) -> str:
    """The verdict for a program; it has no words to be put into a language."""
    return json.dumps(asdict(verdict), indent=2) + "\n"


REPORTS: Mapping[str, Callable[[Verdict, str], str]] = dict(zip(FORMATS, (as_text, as_json), strict=True))


# ---------------------------------------------------------------- --proved


@dataclass(frozen=True)
class Proved:
    """A derivation marked as checked, and the script that Coq's kernel accepted."""

    derivation: Derivation
    script: Script


def proved(derivation: Derivation, compiler: Compiler, tell: Callable[[str], None]) -> Proved:
    """Has coqc check every step of a derivation now.

    Raises NotExported for a step that has no lemma, NotProved with the step at fault.
    """
    from backprop_symbolic.formal import network

    script = network.script(derivation)
    having = {step for step, _ in script.lemmas}
    for step in derivation.steps:
        if step.id not in having:
            raise NotExported(f"step {step.id} ({step.lhs} = {step.rhs}) has no lemma, so not all is proved")
    tell(f"coqc {compiler.version}")
    verdict = coqc.check(script, compiler)
    if not verdict.proved:
        raise NotProved(f"Coq {verdict.version} does not accept this derivation: {verdict.error}")
    found = Checked(verdict.version, verdict.digest, verdict.theorems, verdict.axioms)
    return Proved(replace(derivation, checked=found), script)
