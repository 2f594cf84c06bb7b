"""How the time grows: `derive(network, "all")` and its LaTeX, per edge, and the verifier's share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

from backprop_symbolic import Network
from backprop_symbolic import derive as derive_all
from backprop_symbolic.backprop import backprop
from backprop_symbolic.graph import dense
from backprop_symbolic.render import render
from backprop_symbolic.verify import verify
from benchmarks.timing import Row, at_most, figure, rounds, seconds, show

SIZES = (4, 8, 16, 32)
FAMILIES: dict[str, Callable[[int], list[int]]] = {
    "2-2-…-2, hidden layers": lambda n: [2] * (n + 2),
    "n-n-n, n": lambda n: [n] * 3,
}


def whole(network: Network) -> str:
    """Every weight of a network: derived, verified and written."""
    return derive_all(network, "all").latex()


def stages(network: Network, weight: str = "all") -> tuple[float, float, float]:
    """Seconds for finding the steps, verifying them, and writing them."""
    graph = dense(network)
    names = graph.parameters if weight == "all" else [graph.parameter(weight)]
    found: list = []
    deriving = seconds(lambda: found.append(backprop(graph, names)))
    verifying = seconds(lambda: found.append(verify(found[0])))
    writing = seconds(lambda: render(found[1], "latex"))
    return deriving, verifying, writing


def measure(count: int = 5) -> list[Row]:
    rows = []
    for title, sizes in FAMILIES.items():
        networks = [Network.dense(sizes(n)) for n in SIZES]
        times = rounds([lambda network=network: whole(network) for network in networks], count)
        edges = [network.edges for network in networks]
        per_edge = [[t / e for t in row] for row, e in zip(times, edges, strict=True)]
        shown = ", ".join(f"{n}: {1e3 * median(row):.2f}" for n, row in zip(SIZES, per_edge, strict=True))
        rows.append(figure(f"{title}: ms per edge", shown))
        together = list(zip(*per_edge, strict=True))
        grown = median(r[-1] / r[0] for r in together)
        spread = median(max(r) / min(r) for r in together)
        rows.append(at_most(f"{title}: largest network / smallest, per edge", grown, 1.5))
        rows.append(at_most(f"{title}: dearest edge / cheapest", spread, 1.5))
    for sizes, weight in (
        ([2] * 3, "w31"),
        ([2] * 3, "w11"),
        ([2] * 3, "all"),
        ([2] * 18, "all"),
        ([16] * 3, "all"),
    ):
        network = Network.dense(sizes)
        stages(network, weight)
        # Small networks take milliseconds: more rounds for them.
        split = [stages(network, weight) for _ in range(count if network.edges > 20 else 10 * count)]
        share = median(v / (d + v + w) for d, v, w in split)
        d, v, w = (1000 * median(column) for column in zip(*split, strict=True))
        shown = network.title if len(sizes) < 6 else f"2-2-…-2 of {len(sizes) - 2} hidden layers"
        note = f"  (derive {d:.0f} ms, verify {v:.0f} ms, write {w:.0f} ms)"
        rows.append(at_most(f"verification / whole, {weight} of {shown}", share, 1 / 3, note))
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times every network is measured")
    show("Growth", measure(parser.parse_args(args).rounds))


if __name__ == "__main__":
    main()
