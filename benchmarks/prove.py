"""How scripts for Coq grow: edges, size of the script, the processor's time that coqc takes, per edge."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from resource import RUSAGE_CHILDREN, getrusage

from backprop_symbolic import Network, derive
from backprop_symbolic.activations import activations
from backprop_symbolic.formal import coqc, functions, network
from backprop_symbolic.formal.script import Script
from backprop_symbolic.registry import split
from benchmarks.timing import Row, figure, show

#: Sizes as they are typed, and as they are told.
NETWORKS = {
    "2-2-2": "2-2-2",
    "2-2-2-2-2-2": "2-(2×4)-2",
    "-".join(["2"] * 18): "2-(2×16)-2",
    "4-4-4": "4-4-4",
    "8-8-8": "8-8-8",
}


def taken(script: Script) -> tuple[coqc.Verdict, float]:
    """What coqc says of one script, and the seconds of the processor that it takes."""
    before = getrusage(RUSAGE_CHILDREN)
    found = coqc.check(script, patience=3600)
    after = getrusage(RUSAGE_CHILDREN)
    return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(title: str, script: Script, found: coqc.Verdict, told: str) -> Row:
    """A line of the table."""
    size = f"{len(script.text) / 1e3:.0f} KB, {found.memory / 1e6:.0f} MB"
    return figure(title, f"{'' if found.proved else found.error + '; '}{told}, {size}")


def measure(chosen: Sequence[str] = tuple(NETWORKS)) -> Iterator[Row]:
    """All parameters of each network; before them what every script costs before its first step."""
    base = functions.activation_script(activations.get("sigmoid"))
    found, time = taken(base)
    yield row("sigmoid alone", base, found, f"{len(base.lemmas)} steps, {time:.1f} s")
    for sizes in chosen:
        net = Network.parse(sizes)
        script = network.script(derive(net).derivation)
        found, time = taken(script)
        told = f"{net.edges} edges, {len(script.lemmas)} steps, {time:.1f} s"
        told += f", {1e3 * time / net.edges:.0f} ms per edge"
        yield row(NETWORKS.get(sizes, sizes), script, found, told)


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prove", description=__doc__)
    parser.add_argument("--network", default=",".join(NETWORKS), help="sizes between commas")
    given = parser.parse_args(args)
    show("Scripts for Coq", list(measure(split(given.network))))


if __name__ == "__main__":
    main()
