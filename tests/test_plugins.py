"""Other packages add activations and losses through entry points; a broken one stops nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backprop_symbolic.errors import BadPlugin, UnknownName
from backprop_symbolic.registry import Registry

MODULE = """
from backprop_symbolic.activations import Activation
from backprop_symbolic.losses import Loss
from backprop_symbolic.registry import Parameter

squareplus = Activation(
    "squareplus",
    "(x + sqrt(x**2 + b))/2",
    "(1 + x/sqrt(x**2 + b))/2",
    r"\\operatorname{squareplus}",
    "squareplus",
    parameters=(Parameter("b", "b", "4", "positive"),),
)
quartic = Loss("quartic", "(t - o)**4/4", "(o - t)**3")
taken = Activation("relu", "x", "1", "r", "r")
nonsense = Activation("nonsense", "x +* 2", "1", "n", "n")
number = 3
"""
POINTS = """
[backprop_symbolic.activations]
squareplus = my_functions:squareplus
missing = no_such_module:thing
taken = my_functions:taken
number = my_functions:number
nonsense = my_functions:nonsense

[backprop_symbolic.losses]
quartic = my_functions:quartic
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder with a module and the metadata of an installed package that offers it."""
    (tmp_path / "my_functions.py").write_text(MODULE)
    info = tmp_path / "my_functions-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-functions\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return tmp_path


def run(path: Path | None, *args: str) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(path or ""), os.environ.get("PYTHONPATH", "")])),
    }
    return subprocess.run(
        [sys.executable, "-m", "backprop_symbolic", *args],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )


def test_an_activation_of_a_plugin_works_in_derive(plugin):
    """Without the package it is unknown; with it, it is derived and verified like any other."""
    command = (
        "derive",
        "--activation",
        "squareplus(b=1),sigmoid",
        "--loss",
        "quartic",
        "--weight",
        "w11",
        "--format",
        "text",
    )
    assert "no activation 'squareplus(b=1)'" in run(None, *command).stderr
    found = run(plugin, *command)
    assert found.returncode == 0, found.stderr
    assert "squareplus" in found.stdout
    assert found.stderr == ""


def test_a_plugin_works_in_a_graph_file(plugin, tmp_path):
    graph = tmp_path / "graph.txt"
    graph.write_text("net = w*x\nh = squareplus(net, b=2)\nE = (t - h)**2\n")
    found = run(plugin, "derive", "--graph", str(graph), "--weight", "w", "--format", "text")
    assert found.returncode == 0, found.stderr


def test_list_shows_plugins_and_names_the_broken_ones(plugin):
    """The list goes on; each broken plug-in has one line on stderr."""
    found = run(plugin, "list", "activations")
    assert found.returncode == 0
    assert "squareplus    (x + sqrt(x**2 + b))/2  (b = 4)" in found.stdout
    lines = found.stderr.splitlines()
    assert [line.split("'")[1] for line in lines] == ["missing", "number", "taken"]
    assert all(line.startswith("Warning: the activation plug-in '") for line in lines)
    assert "of my-functions cannot be used: ModuleNotFoundError" in lines[0]
    losses = json.loads(run(plugin, "list", "losses", "--format", "json").stdout)["losses"]
    assert "quartic" in [item["name"] for item in losses]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "the activation plug-in 'missing' of my-functions cannot be used: ModuleNotFoundError"),
        (
            "number",
            "the activation plug-in 'number' of my-functions cannot be used: TypeError: my_functions:number is no Activation",
        ),
        ("nonsense", "activation 'nonsense', line 1, column"),
    ],
)
def test_a_broken_plugin_is_refused_by_name(plugin, name, says):
    """Where it is asked for: one line, exit code 2."""
    found = run(plugin, "derive", "--activation", name, "--weight", "w31")
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.startswith(f"Error: {says}"), found.stderr
    assert found.stderr.count("\n") == 1


def test_plugins_are_loaded_only_when_a_name_is_not_known(plugin, monkeypatch):
    """A known name costs no look at other packages; an unknown one, or a list, loads them once."""
    from backprop_symbolic.activations import Activation

    monkeypatch.syspath_prepend(str(plugin))
    registry: Registry[Activation] = Registry("activation", Activation, group="backprop_symbolic.activations")
    registry.register(Activation("own", "x", "1", "o", "o"))
    registry.get("own")
    assert registry._broken is None
    assert registry.get("squareplus").name == "squareplus"
    assert registry._broken is not None
    with pytest.raises(BadPlugin, match="'missing' of my-functions"):
        registry.get("missing")
    with pytest.raises(UnknownName):
        registry.get("nothing at all")


@pytest.mark.slow
def test_a_real_package_is_installed_and_found(tmp_path):
    """pip install of a tiny package into a new folder: its activation is derived."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "my_functions.py").write_text(MODULE)
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "my-functions"\nversion = "1.0"\n'
        '[project.entry-points."backprop_symbolic.activations"]\nsquareplus = "my_functions:squareplus"\n'
        '[tool.hatch.build.targets.wheel]\nonly-include = ["my_functions.py"]\n'
    )
    target = tmp_path / "installed"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(target),
        str(source),
    ]
    subprocess.run(install, check=True, capture_output=True, text=True)
    found = run(target, "derive", "--activation", "squareplus", "--weight", "w31", "--format", "text")
    assert found.returncode == 0, found.stderr
    assert "squareplus" in run(target, "list", "activations").stdout
