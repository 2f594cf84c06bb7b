"""Imports run one way, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import backprop_symbolic

PACKAGE = Path(backprop_symbolic.__file__).parent

#: Each module may import only modules that stand before it, also inside functions.
ORDER = ["__init__", "errors", "files", "folder", "fonts", "engines", "registry", "algebra", "expressions", "cases", "activations", "elimination", "calculus", "losses", "spec", "notation", "graph", "derivation", "rules", "proof", "backprop", "evaluate", "verify", "intervals", "analysis", "printing", "typesetting", "facts", "sampling", "softmax", "page", "wording", "listing", "message", "document", "terminal", "jsonform", "rendering", "render", "publish", "pictures", "vanishing", "plots", "api", "numeric", "lecture", "review", "formal", "cli", "__main__"]

#: (module, import) that run the other way, with the reason. Keep it empty.
EXCEPTIONS: dict[tuple[str, str], str] = {}


def imports(path: Path) -> Iterator[str]:
    """The package's modules that `path` imports, anywhere in it; imports for types alone do not count."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.ImportFrom):
                assert not child.level, "relative import"
                head, _, module = (child.module or "").partition(".")
                if head == "backprop_symbolic":
                    named = [a.name for a in child.names]
                    yield from [module.split(".")[0]] if module else [n if (PACKAGE / f"{n}.py").exists() else "__init__" for n in named]
            elif isinstance(child, ast.Import):
                for name in child.names:
                    head, _, module = name.name.partition(".")
                    if head == "backprop_symbolic":
                        yield module.split(".")[0] or "__init__"
            yield from walk(child)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")))


#: Modules and packages; a package's modules stand together, in their own order.
FILES = {p.stem: [p] for p in PACKAGE.glob("*.py")} | {
    p.parent.name: sorted(p.parent.glob("*.py")) for p in PACKAGE.glob("*/__init__.py")
}
MODULES = sorted(FILES)
NUMERIC = [
    "__init__", "names", "stable", "printer", "source", "layers", "inplace", "matrix", "autograd", "compile", "generate",
    "values", "substitute", "steps", "check", "claims", "report",
    "optimizers", "descent", "samples", "sequential", "train", "checkpoint", "session", "outcome", "command",
]  # fmt: skip


def test_every_module_has_its_place():
    """A new module must be put into ORDER."""
    assert sorted(ORDER) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_left_to_right(module):
    """A module imports only what stands before it."""
    before = set(ORDER[: ORDER.index(module)])
    for name in {n for file in FILES[module] for n in imports(file)} - (
        {module} if len(FILES[module]) > 1 else set()
    ):
        assert name in before or (module, name) in EXCEPTIONS, f"{module} imports {name}"


def test_inside_numeric_imports_run_left_to_right():
    """The same within the package of generated programs."""
    assert sorted(NUMERIC) == sorted(p.stem for p in FILES["numeric"])
    for file in FILES["numeric"]:
        before = NUMERIC[: NUMERIC.index(file.stem)]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "backprop_symbolic.numeric"
            ):
                tail = (node.module or "").split(".")[2:]
                for name in tail or [a.name for a in node.names]:
                    assert name in before, f"{file.stem} imports {name}"


#: The modules that a picture is made by, in this order.
PICTURES = ["names", "geometry", "tones", "units", "chart", "derivatives", "order", "placing", "layout", "svg", "tikz", "raster", "__init__"]


def test_inside_pictures_imports_run_left_to_right():
    """The same within the package of flow charts."""
    assert sorted(PICTURES) == sorted(p.stem for p in FILES["pictures"])
    for file in FILES["pictures"]:
        found = re.findall(r"from backprop_symbolic\.pictures\.(\w+) import", file.read_text(encoding="utf-8"))
        assert set(found) <= set(PICTURES[: PICTURES.index(file.stem)]), file.stem


#: What a review is made by, in this order.
REVIEW = ["tree", "words", "macros", "sources", "tokens", "grammar", "context", "meaning", "units", "splice", "repair", "judge", "fix", "report", "contextfile", "command", "__init__"]


def test_inside_review_imports_run_left_to_right():
    """The same within the package of reviews."""
    assert sorted(REVIEW) == sorted(p.stem for p in FILES["review"])
    for file in FILES["review"]:
        before = REVIEW[: REVIEW.index(file.stem)]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backprop_symbolic.review"):
                tail = (node.module or "").split(".")[2:]
                for name in tail or [a.name for a in node.names]:
                    assert name in before, f"{file.stem} imports {name}"


#: What a Coq script is made by, in this order.
FORMAL = ["script", "names", "terms", "obligations", "functions", "places", "network", "coqc", "command", "__init__"]


def test_inside_formal_imports_run_left_to_right():
    """The same within the package of Coq scripts."""
    assert {p.stem for p in FILES["formal"]} <= set(FORMAL)
    for file in FILES["formal"]:
        found = re.findall(r"from backprop_symbolic\.formal\.(\w+) import", file.read_text(encoding="utf-8"))
        assert set(found) <= set(FORMAL[: FORMAL.index(file.stem)]), file.stem


def test_no_exception_is_left_over():
    """An exception that is no longer needed is removed."""
    real = {(m, name) for m in MODULES for file in FILES[m] for name in imports(file)}
    assert set(EXCEPTIONS) <= real


def test_the_verifier_shares_no_rule_with_what_it_judges():
    """evaluate and verify import neither rules, calculus nor backprop."""
    for module in ("evaluate", "verify"):
        assert not {"rules", "calculus", "backprop"} & set(imports(PACKAGE / f"{module}.py"))


def loaded(code: str) -> set[str]:
    """The top-level packages that `code` loads in a new interpreter."""
    script = f"import sys\n{code}\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(found.stdout.split())


HEAVY = {"sympy", "mpmath", "jinja2", "click", "numpy", "matplotlib"}


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import backprop_symbolic", set()),
        ("from backprop_symbolic import __version__, BackpropError", set()),
        ("from backprop_symbolic import Network; Network.dense([2, 2, 2])", set()),
        ("from backprop_symbolic.activations import activations; activations.names()", set()),
        ("from backprop_symbolic.losses import losses; losses.names()", set()),
        ("from backprop_symbolic.notation import builtin_names; builtin_names()", set()),
        ("import backprop_symbolic.cli", {"click"}),
        ("from backprop_symbolic import listing; [make() for make in listing.listing('ko').values()]", set()),
        (
            "from backprop_symbolic import Network; from backprop_symbolic.numeric.generate import generate; generate(Network.dense([2, 2]))",
            {"sympy", "mpmath"},
        ),
        (
            "from backprop_symbolic.numeric.optimizers import compile_scalar, optimizers; "
            "compile_scalar(optimizers.get('adam'), {})",
            {"sympy", "mpmath"},
        ),
        ("from backprop_symbolic import derive; derive('2-2-2', 'w31')", {"sympy", "mpmath"}),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code, allowed):
    """Import, listing and parsing of a network cost no SymPy; a derivation needs no Jinja."""
    assert loaded(code) & HEAVY <= allowed


def test_the_public_names_are_found_and_listed():
    """Every name of __all__ is there, in dir() too; another name is an AttributeError."""
    assert set(backprop_symbolic.__all__) <= set(dir(backprop_symbolic))
    for name in backprop_symbolic.__all__:
        assert getattr(backprop_symbolic, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = backprop_symbolic.nothing
