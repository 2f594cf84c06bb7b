"""Coq's compiler: a script in, a verdict out, with what the proof rests on.

A script is proved where coqc takes it whole and `Print Assumptions`, asked at its end of all that it proves,
names no axiom but those by which Coq's library makes the real numbers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from backprop_symbolic.errors import BackpropError, NotInstalled
from backprop_symbolic.formal.script import Script, closing

#: The classical real numbers of Coq's library, which Coquelicot is built on: decidable equality of
#: computable tests (two), that functions with equal values are equal, the excluded middle.
CLASSICAL_REALS = (
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
)
#: Seconds that a script may take where nobody says otherwise.
PATIENCE = 600.0
#: Characters of Coq's complaint that are told.
COMPLAINT = 240
CLOSED = "Closed under the global context"
HOW = "on Debian or Ubuntu: apt install coq libcoq-coquelicot; with opam: opam install coq-coquelicot"

_NAMED = re.compile(r"^\s*(?:Lemma|Theorem|Definition|Fixpoint|Example|Corollary)\s+([\w']+)", re.MULTILINE)
_ERROR = re.compile(r'^File "[^"]*", line (\d+), characters [\d-]+:\s*\n(?:Error|Anomaly)\b:?', re.MULTILINE)


class NotProved(BackpropError):
    """A script that coqc rejects, or that rests on more than the classical real numbers."""


@dataclass(frozen=True)
class Compiler:
    """A coqc that has Coquelicot, and its version."""

    path: str
    version: str


@dataclass(frozen=True)
class Verdict:
    """What coqc said of a script.

    proved    whether it took every line, and the proofs rest on nothing but the classical reals
    theorems  those at its end
    axioms    what the proofs rest on, as `Print Assumptions` names it
    seconds   from start to end, by the clock
    memory    the most that coqc held at once, in bytes
    version   coqc's
    digest    SHA-256 of the script
    error     why not, in one line: the lemma, its step, what Coq says
    """

    proved: bool
    theorems: tuple[str, ...]
    axioms: tuple[str, ...]
    seconds: float
    memory: int
    version: str
    digest: str
    error: str = ""


# ---------------------------------------------------------------- which compiler


def find() -> Compiler:
    """The coqc of the PATH. Raises NotInstalled, which tells how to install it or Coquelicot."""
    from shutil import which

    path = which("coqc")
    if path is None:
        raise NotInstalled(f"coqc is not installed, and nothing was checked; {HOW}")
    version = _answer(path, "--print-version").split(" ")[0]
    if not any(_has_coquelicot(folder) for folder in _libraries(path)):
        raise NotInstalled(f"Coq {version} is here without Coquelicot, and nothing was checked; {HOW}")
    return Compiler(path, version)


def _answer(path: str, option: str) -> str:
    try:
        done = subprocess.run(
            [path, option], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstalled(f"coqc is here and does not answer to {option} ({error}); {HOW}") from None
    return done.stdout.decode("utf-8", "replace").strip()


def _libraries(path: str) -> Iterator[Path]:
    """Where coqc looks for libraries by itself."""
    yield Path(_answer(path, "-where"), "user-contrib")
    for folder in os.environ.get("COQPATH", "").split(os.pathsep):
        if folder:
            yield Path(folder)


def _has_coquelicot(folder: Path) -> bool:
    return (folder / "Coquelicot" / "Coquelicot.vo").is_file()


# ---------------------------------------------------------------- a run


def check(script: Script, compiler: Compiler | None = None, patience: float = PATIENCE) -> Verdict:
    """What coqc says of a script, in `patience` seconds at most; nothing is left on disk.

    Raises NotInstalled.
    """
    coq = find() if compiler is None else compiler
    began = time.monotonic()
    status, out, err, memory = _run(coq, script.text, patience)
    seconds = time.monotonic() - began
    axioms = _axioms(out)
    error = _error(script, status, out, err, patience)
    return Verdict(
        not error, script.theorems, axioms, seconds, memory, coq.version, script.digest, error
    )  # fmt: skip


def _run(coq: Compiler, text: str, patience: float) -> tuple[int | None, str, str, int]:
    """coqc's exit code (None where time ran out), what it says of assumptions, its complaints, its memory."""
    with TemporaryDirectory() as folder, TemporaryFile() as out, TemporaryFile() as err:
        Path(folder, "derivation.v").write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            [coq.path, "-q", "derivation.v"], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        with _ended(process, patience) as late:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode("utf-8", "replace"))
        code = None if late.is_set() else process.returncode
        return code, said[0], said[1], usage.ru_maxrss * _UNIT


#: Bytes of what the system counts memory in.
_UNIT = 1 if sys.platform == "darwin" else 1024


@contextmanager
def _ended(process: subprocess.Popen[bytes], patience: float) -> Iterator[threading.Event]:
    """Ends the process when its time is up, which it tells, or when the user interrupts."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(patience, stop)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        if process.returncode is None:
            process.kill()
            process.wait()


# ---------------------------------------------------------------- what it says


def _axioms(out: str) -> tuple[str, ...]:
    """The names that `Print Assumptions` lists: those that begin a line."""
    lines = out.split("\n")
    return tuple(line.split()[0] for line in lines if line and not line[0].isspace() and not _heading(line))


def _heading(line: str) -> bool:
    return line.strip() in (CLOSED, "Axioms:")


def _error(script: Script, status: int | None, out: str, err: str, patience: float) -> str:
    """Why a script is not proved; empty where it is."""
    if not script.text.endswith(closing(script.theorems, [lemma for _, lemma in script.lemmas])):
        return "the script does not end by asking what its proofs rest on"
    if status is None:
        return f"coqc did not finish within {patience:g} seconds"
    if status != 0:
        return _complaint(script, err) or f"coqc ended with {status} and says no reason"
    if not any(_heading(line) for line in out.split("\n")):
        return "coqc does not say what the proofs rest on"
    foreign = [axiom for axiom in _axioms(out) if axiom not in CLASSICAL_REALS]
    return f"the proofs rest on {', '.join(foreign)}" if foreign else ""


def _complaint(script: Script, err: str) -> str:
    """Coq's first error, with the lemma it is in and the step which that is."""
    found = _ERROR.search(err)
    if found is None:
        return ""
    line = int(found[1])
    said = " ".join(err[found.end() :].split())
    said = said if len(said) <= COMPLAINT else f"{said[:COMPLAINT]}…"
    lemma = lemma_at(script.text, line)
    steps = [id for id, name in script.lemmas if name == lemma]
    where = f"line {line}"
    if lemma:
        where += f", {lemma}"
    if steps:
        where += f", which is step {steps[0]}"
    return f"{where}: {said}"


def lemma_at(text: str, line: int) -> str:
    """The lemma or definition that a line of a script, counted from 1, belongs to; empty before the first."""
    above = "\n".join(text.split("\n")[:line])
    names = _NAMED.findall(above)
    return names[-1] if names else ""
