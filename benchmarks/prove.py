"""How scripts for Coq grow: edges, size of the script, what coqc takes for it, per edge."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from backprop_symbolic import Network, derive
from backprop_symbolic.formal import coqc, functions, network
from backprop_symbolic.formal.script import Script
from backprop_symbolic.registry import split
from benchmarks.timing import Row, figure, seconds, show

#: Sizes as they are typed, and as they are told.
NETWORKS = {
    "2-2-2": "2-2-2",
    "2-2-2-2-2-2": "2-(2×4)-2",
    "-".join(["2"] * 18): "2-(2×16)-2",
    "4-4-4": "4-4-4",
    "8-8-8": "8-8-8",
}


def measured(title: str, script: Script, edges: int, writing: float) -> Row:
    """What coqc says of one script."""
    found = coqc.check(script, patience=3600)
    told = f"{found.error}; " if found.error else ""
    told += (
        f"{edges} edges, {len(script.lemmas)} steps, {len(script.text) / 1e3:.0f} KB, coqc {found.seconds:.1f} s, "
        f"{found.memory / 1e6:.0f} MB, {found.seconds / edges:.2f} s per edge; written in {writing:.1f} s"
    )
    return figure(title, told)


def measure(chosen: Sequence[str] = tuple(NETWORKS)) -> list[Row]:
    """All parameters of each network, and for comparison what every script costs before its first step."""
    from backprop_symbolic.activations import activations

    rows = []
    base = functions.activation_script(activations.get("sigmoid"))
    found = coqc.check(base)
    rows.append(figure("sigmoid alone", f"{len(base.text) / 1e3:.0f} KB, coqc {found.seconds:.1f} s, {found.memory / 1e6:.0f} MB"))
    for sizes in chosen:
        net = Network.parse(sizes)
        written: list[Script] = []
        writing = seconds(lambda net=net, out=written: out.append(network.script(derive(net).derivation)))
        rows.append(measured(NETWORKS.get(sizes, sizes), written[0], net.edges, writing))
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prove", description=__doc__)
    parser.add_argument("--network", default=",".join(NETWORKS), help="sizes between commas")
    given = parser.parse_args(args)
    show("Scripts for Coq", measure(split(given.network)))


if __name__ == "__main__":
    main()
