"""The console scripts as a user runs them, for the tests of the command line.

Each run is a process of its own, forked where all is imported already (see `forking`); `fresh` and `env`
ask for the script that pip installed, and so for a Python that starts from nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import forking

ROOT = Path(__file__).resolve().parent.parent
#: Where pip put `derive` and `backprop` for the Python that runs the tests.
SCRIPTS = Path(sys.executable).parent


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


def environment(**changes: str | None) -> dict[str, str]:
    """This environment with `changes`; None removes a variable."""
    env = {**os.environ, **{k: v for k, v in changes.items() if v is not None}}
    return {k: v for k, v in env.items() if k not in changes or changes[k] is not None}


def run(
    *args: str | Path,
    command: str = "derive",
    stdin: bytes | None = b"",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 120,
    fresh: bool = False,
) -> Outcome:
    """A console script in a process of its own."""
    script = scripts(fresh=fresh or env is not None) / command
    return process([script, *args], stdin=stdin, env=env, cwd=cwd, timeout=timeout)


def scripts(*, fresh: bool) -> Path:
    """Where the scripts are that pip installed, or their stand-ins."""
    for command in ("derive", "backprop"):
        script = SCRIPTS / command
        assert script.is_file(), f"{script} is missing: install the package with `pip install -e '.[test]'`"
    return SCRIPTS if fresh else forking.scripts()


def process(
    argv: list[str | Path],
    stdin: bytes | None = b"",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 120,
) -> Outcome:
    """Any command; its output must be UTF-8."""
    done = subprocess.run(
        [str(a) for a in argv], input=stdin, capture_output=True, env=env, cwd=cwd, timeout=timeout
    )
    return Outcome(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


def shell(
    line: str,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 120,
    *,
    fresh: bool = False,
) -> Outcome:
    """A line of bash in which `derive` and `backprop` are the scripts under test."""
    found = scripts(fresh=fresh or env is not None)
    env = dict(env or os.environ)
    env["PATH"] = os.pathsep.join([str(found), str(SCRIPTS), env["PATH"]])
    return process(["bash", "-c", line], env=env, cwd=cwd, timeout=timeout)
