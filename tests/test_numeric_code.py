"""`backprop code`: programs that run on their own, in NumPy, PyTorch and JAX."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys

import pytest
from commands import ROOT, run
from tools import require

from backprop_symbolic import Network, derive, read
from backprop_symbolic.errors import NotInstalled
from backprop_symbolic.numeric import compile as compiled_
from backprop_symbolic.numeric.generate import generate


def code(*args, **kwargs):
    return run("code", *args, command="backprop", **kwargs)


def written(tmp_path, *args):
    """A program as the command writes it to a file."""
    path = tmp_path / "net.py"
    outcome = code(*args, "-o", path)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    return path


def python(*args, cwd):
    """A new interpreter, without this package."""
    done = subprocess.run(
        [sys.executable, "-I", *map(str, args)], capture_output=True, text=True, cwd=cwd, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def agree(lines):
    """Each derivative that a program prints stands beside a difference quotient that is equal."""
    rows = [line.split() for line in lines.splitlines()[1:]]
    assert rows
    for row in rows:
        assert float(row[-2]) == pytest.approx(float(row[-1]), rel=1e-5, abs=1e-8)


# ---------------------------------------------------------------- programs that stand alone


@pytest.mark.parametrize("args", [[], ["--network", "3-2-1", "--activation", "silu,sigmoid", "--loss", "binary_cross_entropy"],
    ["--bias", "fixed", "--notation", "mazur"], ["--weight", "w31 w11"]], ids=" ".join)  # fmt: skip
def test_scalar_program_needs_only_the_standard_library(tmp_path, args):
    """Written, run and imported by an interpreter that may load neither NumPy nor this package."""
    path = written(tmp_path, *args)
    block = "import sys; sys.modules.update(numpy=None, sympy=None, backprop_symbolic=None)"
    agree(
        python(
            "-c", f"{block}; import runpy; runpy.run_path({str(path)!r}, run_name='__main__')", cwd=tmp_path
        )
    )


def test_imported_program_gives_the_same_numbers(tmp_path):
    """Imported elsewhere, gradient and step are those of `compile_scalar`, to the last bit."""
    path = written(tmp_path)
    ours = compiled_.compile_scalar(derive("2-2-2").derivation)
    p, x, t = [0.1 * i for i in range(8)], [0.5, 0.2], [0.0, 1.0]
    script = f"import sys, json; sys.path.insert(0, {str(path.parent)!r}); import net; print(json.dumps([net.gradient({p}, {x}, {t}), net.step({p}, {x}, {t}, 0.5)]))"
    theirs = json.loads(python("-c", script, cwd=tmp_path))
    assert theirs == json.loads(json.dumps([ours.gradient(p, x, t), ours.step(p, x, t, 0.5)]))


@pytest.mark.parametrize("args", [["--network", "3-4-2", "--bias", "node"], ["--network", "40-50-12", "--activation", "tanh"],
    ["--bias", "layer", "--dtype", "float32"], ["--bias", "fixed", "--activation", "elu"]], ids=" ".join)  # fmt: skip
def test_matrix_program_needs_only_numpy(tmp_path, args):
    """Written, run by an interpreter that may not load this package nor SymPy."""
    require("numpy")
    path = written(tmp_path, "--form", "matrix", *args)
    block = "import sys; sys.modules.update(sympy=None, backprop_symbolic=None)"
    out = python(
        "-c", f"{block}; import runpy; runpy.run_path({str(path)!r}, run_name='__main__')", cwd=tmp_path
    )
    if "float32" in args:
        assert out.startswith("error")
    else:
        agree(out)


@pytest.mark.parametrize("target", ["torch", "jax"])
def test_autograd_programs_pass_their_check(tmp_path, target):
    """torch's gradcheck and jax's check_grads, run for real on both forms."""
    require(target)
    network = Network.dense([2, 3, 2], ["elu", "sigmoid"], bias="layer")
    for form in ("scalar", "matrix"):
        (tmp_path / f"{form}.py").write_text(generate(network, target=target, form=form), encoding="utf-8")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import scalar, matrix; print(scalar.check(), matrix.check())"
    assert python("-c", script, cwd=tmp_path).strip() == "True True"


@pytest.mark.parametrize("form", ["scalar", "matrix"])
def test_a_wrong_step_fails_gradcheck(form):
    """The check beside the program is one that can fail: with a damaged derivation it does."""
    require("torch")
    import dataclasses

    from sympy import Integer

    from backprop_symbolic.algebra import mul
    from backprop_symbolic.numeric.autograd import torch_matrix, torch_scalar
    from backprop_symbolic.numeric.layers import pattern

    right = derive("2-2-2").derivation
    wrong = dataclasses.replace(right, definitions={
        d: dataclasses.replace(s, rhs=mul(s.rhs, Integer(2))) for d, s in right.definitions.items()
    })  # fmt: skip
    for derivation, passes in ((right, True), (wrong, False)):
        text = (
            torch_scalar(derivation)
            if form == "scalar"
            else torch_matrix(pattern(derivation), derivation.graph.network)
        )
        scope = compiled_.load(text)
        if passes:
            assert scope["check"]()
        else:
            with pytest.raises(RuntimeError, match="numerical"):
                scope["check"]()


def test_all_activations_in_torch_and_jax_text():
    """Every activation has a text in both libraries, for numbers and for arrays, that Python reads."""
    from backprop_symbolic.activations import activations

    for name in activations.names():
        for target in ("torch", "jax"):
            for form in ("scalar", "matrix"):
                compile(generate(Network.dense([2, 2], name), target=target, form=form), "x", "exec")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(("args", "message"), [
    (["--form", "matrx"], "no form 'matrx'. Known: scalar matrix. Did you mean 'matrix'?"),
    (["--target", "pytorch"], "no target 'pytorch'. Known: numpy torch jax. Did you mean 'torch'?"),
    (["--form", "matrix", "--dtype", "float16"], "no dtype 'float16'. Known: float64 float32. Did you mean 'float64'?"),
    (["--dtype", "float32"], "--dtype is for --target numpy --form matrix; other forms take the data's"),
    (["--numba", "--form", "matrix"], "--numba is for --target numpy --form scalar"),
    (["--form", "matrix", "--weight", "w31"], "the matrix form is of all weights at once: leave out --weight, or use --form scalar"),
    (["--form", "matrix", "--graph", str(ROOT / "docs/examples/skip.txt")],
     "the graph has no layers: the matrix form is for networks; for a graph use --form scalar"),
    (["--network", "784-128-10"], "network '784-128-10' has 101632 weights; the scalar form writes out at most 20000: use --form matrix"),
    (["--graph", "g", "--network", "2-2"], "--network is for networks and does not go with --graph"),
    (["-o", "/nowhere/net.py"], "cannot write '/nowhere/net.py': there is no directory '/nowhere'"),
])  # fmt: skip
def test_refusals(args, message):
    """One line, exit code 2, nothing on stdout."""
    outcome = code(*args)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"Error: {message}\n")


def test_without_numpy_the_matrix_form_says_what_to_install(monkeypatch):
    """One clear line with the pip command; the scalar form goes on."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(NotInstalled, match=r"pip install 'backprop-symbolic\[numeric\]'"):
        generate(Network.dense([2, 2]), form="matrix")
    assert "def step" in generate(Network.dense([2, 2]))


def test_graph_programs():
    """A graph with a skip has its scalar form in all three libraries."""
    graph = read((ROOT / "docs" / "examples" / "skip.txt").read_text(encoding="utf-8"))
    for target in ("numpy", "torch", "jax"):
        compile(generate(graph, target=target), "x", "exec")


def test_documentation_is_current():
    """The Python of docs/code.md runs and prints what stands there."""
    require("numpy")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(ROOT / "docs" / "code.md"), module_relative=False, optionflags=flags)
    assert tried and not failed
