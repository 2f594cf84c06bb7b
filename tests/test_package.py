"""Wheel, editable install and plain checkout all find the templates and derive the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from commands import ROOT, environment, process, run

ARGUMENTS = ["--weight", "w31", "--lang", "ko"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout, built the way a user's pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_templates_notations_and_the_type_marker(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "backprop_symbolic/templates/messages/ko.toml",
        "backprop_symbolic/templates/latex/standalone.tex",
        "backprop_symbolic/notations/lecture.toml",
        "backprop_symbolic/formal/library.v",
        "backprop_symbolic/py.typed",
    ):
        assert needed in names
    assert not [n for n in names if n.startswith(("tests/", "templates/", "docs/"))]


@pytest.mark.slow  # .ci/run does the same with the README's first command
def test_the_wheel_derives_in_a_new_environment(wheel, tmp_path):
    """A fresh virtual environment, the wheel and its dependencies, nothing of the checkout."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=120)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", str(wheel)], check=True, capture_output=True, timeout=300
    )
    outcome = process(
        [tmp_path / "venv" / "bin" / "derive", *ARGUMENTS], cwd=tmp_path, env=environment(PYTHONPATH=None)
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == run(*ARGUMENTS).out


def test_a_plain_checkout_derives(tmp_path):
    """`python -m backprop_symbolic` with the checkout on the path and nothing installed."""
    env = environment(PYTHONPATH=str(ROOT))
    outcome = process(
        [sys.executable, "-m", "backprop_symbolic", "derive", *ARGUMENTS], cwd=tmp_path, env=env
    )
    assert outcome.out == run(*ARGUMENTS).out


def test_run_time_dependencies_are_the_agreed_three():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(d.split(">")[0] for d in project["dependencies"]) == ["click", "jinja2", "sympy"]


def test_the_readme_gives_the_two_commands():
    """One line installs and derives, one installs and tests; .ci/run calls the second."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    main, tests = [line for line in readme.splitlines() if line.startswith("python3 -m venv")]
    assert main.endswith("derive --weight w31")
    assert tests.endswith("pytest")
    assert tests in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
