"""Which program is meant, and its text: `backprop code`."""

from __future__ import annotations

from collections.abc import Sequence

from backprop_symbolic.api import derive
from backprop_symbolic.derivation import Derivation
from backprop_symbolic.errors import BadNetwork, NoMatrixForm, quoted, unknown
from backprop_symbolic.graph import MAX_EDGES, Graph, dense
from backprop_symbolic.notation import Notation
from backprop_symbolic.numeric import compile as compiled
from backprop_symbolic.numeric.layers import pattern, small
from backprop_symbolic.spec import Network

TARGETS = ("numpy", "torch", "jax")
FORMS = ("scalar", "matrix")


def generate(
    given: Network | Graph,
    weight: str | Sequence[str] = "all",
    *,
    target: str = "numpy",
    form: str = "scalar",
    dtype: str = "float64",
    njit: bool = False,
    style: Notation | None = None,
) -> str:
    """Program text for a network or a graph, its numbers compared with the derivation first.

    Raises UnknownName for a target, form, dtype or weight that there is not, NoMatrixForm,
    NotInstalled, and whatever deriving raises.
    """
    for what, word, known in (("target", target, TARGETS), ("form", form, FORMS)):
        if word not in known:
            raise unknown(what, word, known)
    if form == "scalar":
        if isinstance(given, Network) and given.edges > MAX_EDGES:
            raise BadNetwork(
                f"network {quoted(given.title)} has {given.edges} weights; the scalar form writes out "
                f"at most {MAX_EDGES}: use --form matrix"
            )
        graph = dense(given, style) if isinstance(given, Network) else given
        return _scalar(derive(graph, weight).derivation, target, njit)
    network = given if isinstance(given, Network) else given.network
    if network is None:
        raise NoMatrixForm(
            "the graph has no layers: the matrix form is for networks; for a graph use --form scalar"
        )
    if weight != "all":
        raise NoMatrixForm(
            "the matrix form is of all weights at once: leave out --weight, or use --form scalar"
        )
    return _matrix(network, target, dtype, style)


def _scalar(derivation: Derivation, target: str, njit: bool) -> str:
    from backprop_symbolic.numeric.autograd import jax_scalar, torch_scalar

    # The lines of torch and jax are those of this program, in their own functions.
    source = compiled.compile_scalar(derivation, njit=njit).source
    return {"numpy": lambda: source, "torch": lambda: torch_scalar(derivation),
            "jax": lambda: jax_scalar(derivation)}[target]()  # fmt: skip


def _matrix(network: Network, target: str, dtype: str, style: Notation | None) -> str:
    from backprop_symbolic.numeric.autograd import jax_matrix, torch_matrix

    derivation = derive(dense(small(network), style), "all").derivation
    source = compiled.matrix_of(derivation, network, dtype).source
    if target == "numpy":
        return source
    return (torch_matrix if target == "torch" else jax_matrix)(pattern(derivation), network)
