"""`backprop prove` and `--proved`: what is written where, what coqc's answer becomes, what is refused."""

from __future__ import annotations

import gc
import json
import os
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from commands import Outcome, environment, run
from tools import program

from backprop_symbolic import cli, derive
from backprop_symbolic.derivation import Checked
from backprop_symbolic.errors import NotInstalled
from backprop_symbolic.formal import coqc
from backprop_symbolic.formal.script import Script, closing


def script(text: str, *theorems: str, lemmas: tuple[tuple[str, str], ...] = ()) -> Script:
    """A script as every export closes it."""
    return Script(text + closing(theorems, [lemma for _, lemma in lemmas]), theorems, lemmas)


@pytest.fixture(scope="module")
def coq() -> coqc.Compiler:
    """The coqc of this machine."""
    program("coqc")
    return coqc.find()


# ---------------------------------------------------------------- the compiler's answer


def test_a_proof_is_accepted(coq):
    """Taken whole: proved, with its cost, the version, and the digest of exactly this text."""
    given = script("Lemma a : 0 = 0. Proof. reflexivity. Qed.\n", "a")
    found = coqc.check(given, coq)
    assert (found.proved, found.theorems, found.axioms, found.error) == (True, ("a",), (), "")
    assert found.version == coq.version
    assert found.digest == sha256(given.text.encode()).hexdigest()
    assert found.seconds > 0
    assert found.memory > 10_000_000


def test_an_axiom_of_the_classical_reals_is_named(coq):
    text = (
        "From Coq Require FunctionalExtensionality.\n"
        "Lemma a : (fun n => n + 0) = (fun n : nat => n).\n"
        "Proof. apply FunctionalExtensionality.functional_extensionality. intros; symmetry; apply plus_n_O. Qed.\n"
    )
    found = coqc.check(script(text, "a"), coq)
    assert found.proved
    assert found.axioms == ("FunctionalExtensionality.functional_extensionality_dep",)


@pytest.mark.parametrize(
    ("text", "axiom"),
    [
        ("Axiom a : 0 = 1.\n", "a"),
        ("Lemma a : 0 = 1. Proof. Admitted.\n", "a"),
        ("Axiom classic : forall P : Prop, P \\/ ~ P.\nDefinition a := classic.\n", "classic"),
        ("Unset Guard Checking.\nFixpoint f (n : nat) : False := f n.\nLemma a : 0 = 1. destruct (f 0). Qed.\n", "f"),
    ],
    ids=["axiom", "admitted", "of the same name", "unguarded"],
)
def test_what_is_taken_for_granted_is_no_proof(coq, text, axiom):
    """coqc takes these files; they are not proved for all that, and the reason is named."""
    found = coqc.check(script(text, "a"), coq)
    assert not found.proved
    assert found.error.startswith("the proofs rest on ")
    assert axiom in found.error.replace(",", " ").split()


def test_a_lemma_that_no_theorem_needs_is_asked_too(coq):
    """A step that nothing uses cannot be admitted unseen."""
    text = "Lemma step_s1 : 0 = 1. Proof. Admitted.\nLemma a : 0 = 0. Proof. reflexivity. Qed.\n"
    found = coqc.check(script(text, "a", lemmas=(("s1", "step_s1"),)), coq)
    assert (found.proved, found.error) == (False, "the proofs rest on step_s1")


def test_a_rejection_names_the_lemma_and_the_step(coq):
    """Line, lemma and step of the first line that Coq does not take, and what Coq says."""
    text = "Lemma step_s1 : 0 = 0.\nProof. reflexivity. Qed.\nLemma step_s2 :\n  0 = 1.\nProof. reflexivity. Qed.\n"
    found = coqc.check(script(text, "step_s2", lemmas=(("s1", "step_s1"), ("s2", "step_s2"))), coq)
    assert not found.proved
    assert found.error == 'line 5, step_s2, which is step s2: Unable to unify "1" with "0".'


def test_a_script_that_does_not_ask_is_no_proof(coq):
    """Without its last lines a script could rest on anything."""
    found = coqc.check(Script("Lemma a : 0 = 0. Proof. reflexivity. Qed.\n", ("a",)), coq)
    assert (found.proved, found.error) == (False, "the script does not end by asking what its proofs rest on")


def test_coqc_has_so_much_time_and_no_more(coq):
    text = "Lemma a : 0 = 0. do 1000000000 idtac. reflexivity. Qed.\n"
    found = coqc.check(script(text, "a"), coq, patience=0.5)
    assert (found.proved, found.error) == (False, "coqc did not finish within 0.5 seconds")


def test_nothing_is_left_behind(coq, tmp_path, monkeypatch):
    """Neither in the folder for temporary files nor where the command runs."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert coqc.check(script("Lemma a : 0 = 0. Proof. reflexivity. Qed.\n", "a"), coq).proved
    assert list(tmp_path.iterdir()) == []


def test_the_lemma_of_a_line():
    text = "(* head *)\nDefinition d := 0.\nLemma x' :\n  0 = 0.\nProof.\nQed.\nTheorem t : True.\n"
    assert [coqc.lemma_at(text, n) for n in range(1, 8)] == ["", "d", "x'", "x'", "x'", "x'", "t"]


# ---------------------------------------------------------------- the command



@pytest.fixture
def backprop(capfd, monkeypatch):
    """The command in this process: what it prints, and its exit code; `path` is all that PATH has."""

    def command(*args: object, path: Path | None = None) -> Outcome:
        if path is not None:
            monkeypatch.setenv("PATH", str(path))
            monkeypatch.delenv("COQPATH", raising=False)
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main([str(arg) for arg in args])
        gc.enable()  # a command is a process of its own and leaves it off
        printed = capfd.readouterr()
        return Outcome(int(stop.value.code or 0), printed.out, printed.err)

    return command


#: A coqc for tests that are not about Coq: it says what a file beside it says.
FAKE = """#!/bin/sh
here=$(dirname "$0")
case "$1" in
  --print-version) echo "8.16.1 4.14.1";;
  -where) echo "$here";;
  *) cat "$here/said" >&2; cat "$here/found"; exit $(cat "$here/code");;
esac
"""


def fake(folder: Path, *, code: int = 0, said: str = "", coquelicot: bool = True) -> Path:
    """The PATH of a machine whose only program is a coqc that answers so."""
    folder.mkdir(exist_ok=True)
    library = folder / "user-contrib" / "Coquelicot"
    if coquelicot:
        library.mkdir(parents=True)
        (library / "Coquelicot.vo").touch()
    (folder / "coqc").write_text(FAKE)
    (folder / "coqc").chmod(0o755)
    for name in ("sh", "cat", "dirname"):
        (folder / name).symlink_to(program(name))
    (folder / "said").write_text(said)
    (folder / "found").write_text("Closed under the global context\n")
    (folder / "code").write_text(str(code))
    return folder


def bare(folder: Path) -> Path:
    """The PATH of a machine without Coq."""
    folder.mkdir(exist_ok=True)
    return folder


def test_the_proof_of_an_activation(tmp_path, backprop):
    """Script and report: what is reported is about what is written."""
    program("coqc")
    outcome = backprop(
        "prove", "--activation", "sigmoid", "--run", "--format", "json", "-o", tmp_path / "s.v"
    )
    assert (outcome.code, outcome.err) == (0, "")
    report = json.loads(outcome.out)
    written = (tmp_path / "s.v").read_bytes()
    assert report["proved"] is True
    assert report["digest"] == sha256(written).hexdigest()
    assert report["axioms"]
    assert set(report["axioms"]) <= set(coqc.CLASSICAL_REALS)
    assert report["theorems"]
    assert all(name in written.decode() for name in report["theorems"])
    assert os.listdir(tmp_path) == ["s.v"]


def test_without_run_no_coq_is_needed(tmp_path, backprop):
    """The script goes to stdout, or to the file and nothing to stdout."""
    to_stdout = backprop("prove", "--loss", "half_sse", path=bare(tmp_path / "bin"))
    to_file = backprop("prove", "--loss", "half_sse", "-o", tmp_path / "l.v", path=bare(tmp_path / "bin"))
    assert (to_stdout.code, to_stdout.err, to_file.code, to_file.out) == (0, "", 0, "")
    assert to_stdout.out == (tmp_path / "l.v").read_text(encoding="utf-8")
    assert to_stdout.out.endswith("Print Assumptions every'proof.\n")


def test_where_coq_is_missing_the_script_is_still_written(tmp_path, backprop):
    """Exit code 2, one line that tells how to install it."""
    outcome = backprop(
        "prove", "--activation", "tanh", "--run", "-o", tmp_path / "t.v", path=bare(tmp_path / "bin")
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "Error: coqc is not installed, and nothing was checked; on Debian or Ubuntu: apt install coq "
        "libcoq-coquelicot; with opam: opam install coq-coquelicot\n"
    )
    assert (tmp_path / "t.v").read_text(encoding="utf-8").endswith("Print Assumptions every'proof.\n")


def test_where_coquelicot_is_missing(tmp_path, backprop):
    outcome = backprop(
        "prove", "--loss", "mse", "--run", path=fake(tmp_path / "bin", coquelicot=False)
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: Coq 8.16.1 is here without Coquelicot, and nothing was checked; on Debian")


def test_a_report_in_both_languages(tmp_path, backprop):
    """The same figures; what Coq calls things is left as it is."""
    path = fake(tmp_path / "bin")
    reports = {
        lang: backprop("prove", "--loss", "mse", "--run", "--lang", lang, path=path) for lang in ("en", "ko")
    }
    assert {r.code for r in reports.values()} == {0}
    english, korean = (reports[lang].out.splitlines() for lang in ("en", "ko"))
    assert english[0] == "Proved: Coq 8.16.1 accepts every line."
    assert korean[0] == "증명되었다. Coq 8.16.1에서 모든 줄이 받아들여졌다."
    assert english[2] == "They rest on no axiom."
    assert len(english) == len(korean) == 5
    assert english[-1].split()[-1] == korean[-1].split()[-1]


def test_a_rejection_ends_with_1(tmp_path, backprop):
    """The report says where; the script is there to be looked at."""
    said = 'File "./derivation.v", line 3, characters 0-10:\nError:\nUnable to\nunify.\n'
    path = fake(tmp_path / "bin", code=1, said=said)
    outcome = backprop("prove", "--loss", "mse", "--run", "-o", tmp_path / "m.v", path=path)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.splitlines()[0] == "Not proved by Coq 8.16.1: line 3: Unable to unify."
    assert (tmp_path / "m.v").is_file()


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ((), "what is to be proved? --weight NAME, --activation NAME or --loss NAME"),
        (("--network", "2-2"), "--network without --weight: with --weight a network is proved, and without it"),
        (("--activation", "tanh", "--loss", "mse"), "--activation --loss without --weight"),
        (("--activation", "tangh"), "no activation 'tangh'."),
        (("--activation", "softmax"), "softmax has no Coq form yet"),
        (("--loss", "mze"), "Did you mean 'mse'?"),
        (("--weight", "w99"), "no weight 'w99' in a 2-2-2 network."),
        (("--loss", "mse", "--timeout", "3"), "--timeout goes with --run"),
        (("--loss", "mse", "--format", "json"), "--format goes with --run"),
        (("--loss", "mse", "--run", "--format", "yaml"), "no format 'yaml' of a report. Known: text json."),
        (("--loss", "mse", "--lang", "xx"), "no language 'xx'."),
        (("--loss", "mse", "-o", "no/such.v"), "cannot write 'no/such.v': there is no directory 'no'"),
    ],
)
def test_what_is_refused(args, error, backprop):
    """One line, exit code 2, nothing on stdout."""
    outcome = backprop("prove", *args)
    assert (outcome.code, outcome.out) == (2, "")
    assert error in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_coqc_that_does_not_answer(tmp_path, monkeypatch):
    """A broken coqc is told as such, not as a rejected proof."""
    (tmp_path / "coqc").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "coqc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(NotInstalled, match="does not answer to --print-version"):
        coqc.find()


# ---------------------------------------------------------------- the script of a derivation


def test_the_same_derivation_gives_the_same_script(tmp_path):
    """Whatever the seed of Python's hashes: else the digest in a document would mean nothing."""
    scripts = {
        run("prove", "--weight", "w11", command="backprop", env=environment(PYTHONHASHSEED=str(seed))).out for seed in (1, 2)
    }
    assert len(scripts) == 1
    assert "Theorem gradient_w11" in scripts.pop()


# ---------------------------------------------------------------- --proved


def grouped(digest: str) -> str:
    """A digest as documents have it."""
    return " ".join(re.findall(".{16}", digest))


def test_proved_is_said_of_what_was_proved(tmp_path):
    """The digest in the document is that of the script which `prove` writes, and coqc did accept it."""
    program("coqc")
    shown = run("derive", "--weight", "w31", "--proved", "--format", "json", command="backprop")
    written = run("prove", "--weight", "w31", command="backprop")
    assert (shown.code, shown.err) == (0, "")
    said = json.loads(shown.out)["evidence"]["coq"]
    assert said["digest"] == sha256(written.out.encode()).hexdigest()
    assert said["theorems"] == ["gradient_w31"]
    assert said["version"] == coqc.find().version


@pytest.mark.parametrize("format", ["latex", "markdown", "text", "html", "notebook", "slides", "beamer"])
def test_every_format_says_so(format):
    """The version and the digest stand at the end of the document, in both languages."""
    digest = sha256(b"a script").hexdigest()
    for lang, words in (("en", "Checked by Coq 8.16.1."), ("ko", "Coq 8.16.1의 검사를 통과하였다.")):
        result = derive("1-1", "w11", lang=lang)
        assert "Coq" not in result.render(format)
        marked = replace(result.derivation, checked=Checked("8.16.1", digest, ("gradient_w11",), ()))
        page = replace(result, derivation=marked).render(format)
        assert words in page
        assert grouped(digest) in page


def test_a_derivation_that_is_not_proved_is_not_shown(tmp_path, backprop):
    """The step at fault is named, and neither file nor stdout gets a line."""
    script = backprop("prove", "--weight", "w31").out.split("\n")
    line = next(i for i, text in enumerate(script, 1) if text.startswith("Lemma step_"))
    step = re.findall(r"Lemma step_(\w+)", script[line - 1])[0]
    said = f'File "./derivation.v", line {line}, characters 0-10:\nError: No.\n'
    path = fake(tmp_path / "bin", code=1, said=said)
    for args in ((), ("-o", str(tmp_path / "d.tex"))):
        outcome = backprop("derive", "--weight", "w31", "--proved", *args, path=path)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err == (
            f"Error: Coq 8.16.1 does not accept this derivation: line {line}, step_{step}, which is step {step}: No.\n"
        )
    assert not (tmp_path / "d.tex").exists()


@pytest.mark.parametrize("command", [("derive", "--weight", "w31"), ("notes",)], ids=["derive", "notes"])
def test_proved_without_coq(command, tmp_path, backprop):
    """Told before anything is written."""
    target = tmp_path / "out"
    outcome = backprop(*command, "--proved", "-o", target, path=bare(tmp_path / "bin"))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: coqc is not installed, and nothing was checked; on Debian or Ubuntu: apt ")
    assert not target.exists()


def test_notes_bring_their_script(tmp_path, backprop):
    """One script for all parameters, in the folder; both languages speak of it with its digest."""
    outcome = backprop(
        "notes", "-o", tmp_path / "n", "--proved", "--network", "1-1-1", "--format", "text", "--lang", "en,ko",
        "--no-pictures", "--parts", "derivation", path=fake(tmp_path / "bin"),
    )  # fmt: skip
    assert (outcome.code, outcome.err) == (0, "")
    script = (tmp_path / "n" / "notes.v").read_bytes()
    assert script.count(b"\nTheorem gradient_") == 2
    for name, words in (("notes.txt", "Checked by Coq 8.16.1."), ("notes.ko.txt", "Coq 8.16.1의 검사를 통과하였다.")):
        (said,) = [row for row in (tmp_path / "n" / name).read_text(encoding="utf-8").split("\n") if words in row]
        assert grouped(sha256(script).hexdigest()) in said
        assert "notes.v" in said


def test_notes_without_the_derivation_cannot_be_proved(tmp_path, backprop):
    outcome = backprop(
        "notes", "-o", tmp_path / "n", "--proved", "--parts", "vanishing", path=fake(tmp_path / "bin")
    )  # fmt: skip
    assert (outcome.code, outcome.out) == (2, "")
    assert "--proved speaks of the derivation, and these notes have no part 'derivation'" in outcome.err
    assert not (tmp_path / "n").exists()
