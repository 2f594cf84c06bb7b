"""proofs/DeltaForm.v: the delta form for every network, checked by Coq's kernel here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import ROOT, Outcome, process
from tools import program

from backprop_symbolic.formal.coqc import CLASSICAL_REALS

SOURCE = ROOT / "proofs" / "DeltaForm.v"
TEXT = SOURCE.read_text(encoding="utf-8")
STATED = re.compile(r"^(?:Theorem|Lemma) (\w+)", re.M)


def compiled(text: str, folder: Path) -> Outcome:
    """What coqc says of a text."""
    (folder / "DeltaForm.v").write_text(text, encoding="utf-8")
    return process([program("coqc"), "-q", "DeltaForm.v"], cwd=folder, timeout=300)


def code(text: str) -> str:
    """A file without its comments."""
    return re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)


def test_coq_accepts_it_and_it_rests_on_the_classical_reals_alone(tmp_path):
    """Every lemma is taken, and no axiom is used but those of the real numbers."""
    outcome = compiled(TEXT, tmp_path)
    assert outcome.code == 0, outcome.err
    head, _, listed = outcome.out.partition("\n")
    assert head == "Axioms:"
    axioms = re.findall(r"^([\w.']+)", listed, re.M)
    assert axioms
    assert set(axioms) <= set(CLASSICAL_REALS)


def test_nothing_is_left_unproved():
    """As many ends of proofs as statements, no word that takes something for granted."""
    plain = code(TEXT)
    assert len(re.findall(r"\bQed\.", plain)) == len(STATED.findall(plain))
    assert not re.search(r"\b(Admitted|admit|Axiom|Parameter|Conjecture|Abort|Unset|give_up)\b", plain)


def test_every_theorem_is_asked_what_it_rests_on():
    theorems = set(re.findall(r"^Theorem (\w+)", TEXT, re.M)) - {"gradient_is_partial"}
    assert set(re.findall(r"let _ := (\w+) in", TEXT)) == theorems


#: The conclusion of the theorem, and changes that make it false: name → (what stands there, what is put there).
DAMAGES = {
    "sign": ("* slope l (z j)).\nProof.", "* - slope l (z j)).\nProof."),
    "slope": (" * slope l (z j)).\nProof.", ").\nProof."),
    "index": ("weight above k j) * slope", "weight above j k) * slope"),
    "factor": ("(sum (width above) (fun k => delta k", "(sum (width above) (fun k => 2 * delta k"),
    "path": ("(sum (width above) (fun k => delta k", "(sum (pred (width above)) (fun k => delta k"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_false_delta_form_is_rejected(damage, tmp_path):
    """A flipped sign, f' lost, w_jk for w_kj, a factor 2, a path lost: coqc refuses, at this theorem."""
    start = TEXT.index("Theorem delta_form")
    end = TEXT.index("Qed.", start) + len("Qed.\n")
    right, wrong = DAMAGES[damage]
    statement = TEXT[start:end]
    assert statement.count(right) == 1
    outcome = compiled(TEXT[:start] + statement.replace(right, wrong), tmp_path)
    assert outcome.code == 1
    line = int(re.findall(r"line (\d+), characters [\d-]+:\nError", outcome.err)[0])
    assert line > TEXT[:start].count("\n")


def test_the_readme_quotes_the_theorem():
    """The statement in the README is that of the file; each theorem it names is there."""
    readme = (SOURCE.parent / "README.md").read_text(encoding="utf-8")
    (quoted,) = re.findall(r"```coq\n(.*?)```", readme, re.S)
    assert quoted in TEXT
    named = {name for row in re.findall(r"^\| (`.*?) \|", readme, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert named
    assert named <= set(STATED.findall(TEXT))


def test_the_notes_refer_to_a_file_that_is_there():
    from backprop_symbolic.lecture.derived import THEOREM

    assert ROOT / THEOREM == SOURCE
    assert SOURCE.is_file()
