"""Names and comments in Coq: injective, valid, and nothing a user types breaks out of them."""

from __future__ import annotations

import re

import pytest
from commands import process
from hypothesis import given
from hypothesis import strategies as st
from sympy import Symbol
from tools import program

from backprop_symbolic.formal.names import (
    FAMILIES,
    KEYWORDS,
    Names,
    comment,
    identifier,
    library,
    reserved,
    table,
)

#: What users call things, and what would do harm as it stands.
AWKWARD = [
    "w31", "오차", "가중합_3", "w31'", "δ_o1", "w^{(2)}_{11}", "w31(t+1)", "fun", "exp", "R", "S", "I", "1x", "_", "", "_u_",
    "a_u", "a_uu", "a_u5F_u", "x.", "Qed. Axiom bad : False", "(*", "*)", '"', "act_sigmoid", "step_s1", "d_val", "m_plus",
    "moves", "side", "is", "a b", "a\nb", "x-1", "𝛿", "é", "A" * 300,
]  # fmt: skip
#: Close to what the escapes look like.
NEAR = st.text(alphabet="_uUxX_5F0é'(*)\" 가", max_size=8)
SOME = st.one_of(NEAR, st.text(max_size=12), st.sampled_from(AWKWARD), st.sampled_from(sorted(KEYWORDS)))


def decoded(name: str) -> str:
    """The user's name that an identifier stands for, read from the left: each _u begins an escape."""
    return re.sub(r"_u([0-9A-F]*)_", lambda found: chr(int(found[1], 16)) if found[1] else "", name)


def ends(text: str) -> int:
    """Where the comment that opens a text ends, as Coq reads it: nested, with strings that hide a `*)`."""
    depth = place = 0
    while place < len(text):
        if text.startswith("(*", place):
            depth, place = depth + 1, place + 2
        elif text.startswith("*)", place):
            depth, place = depth - 1, place + 2
            if not depth:
                return place
        elif text[place] == '"':
            place = text.index('"', place + 1) + 1
        else:
            place += 1
    return -1


@given(SOME)
def test_a_name_can_be_read_back(name):
    """So that no two names become one."""
    assert decoded(identifier(name)) == name


@given(SOME)
def test_a_name_is_an_identifier_and_no_word_of_ours(name):
    found = identifier(name)
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", found)
    assert found != "_"
    assert found not in reserved()
    assert not found.startswith(FAMILIES)
    assert "'" not in found


@pytest.mark.parametrize("name", ["w31", "net3", "y_h1", "o1", "t_k", "E", "eta", "b1"])
def test_a_plain_name_stays(name):
    assert identifier(name) == name


def test_what_the_library_defines_is_reserved():
    """Every rule and every tactic of it."""
    assert {
        "m_plus",
        "d_val",
        "moves",
        "erf",
        "side",
        "positive",
        "nonnegative",
        "line",
        "sides",
    } <= reserved()
    assert {"m_plus", "m_less_smooth"} <= set(re.findall(r"Lemma (\w+)", library()))


@given(st.one_of(SOME, st.text(alphabet='(*)" x\n', max_size=20)))
def test_a_comment_ends_where_it_should(text):
    """Whatever stands in it: no other end, no string, no comment inside that stays open."""
    found = comment(text)
    assert ends(found) == len(found)
    assert '"' not in found


def test_a_comment_keeps_what_does_no_harm():
    assert comment("(a)-1: 오차 = δ·w31") == "(* (a)-1: 오차 = δ·w31 *)"


def test_the_table_lists_the_names_that_differ():
    assert table(["w31", "t_k"]) == ""
    assert table(["w31", "오차", "fun", "오차"]) == "(* _uC624__uCC28_ is 오차\n   fun_u_ is fun *)\n"


def test_a_name_may_stand_for_an_application():
    y, w = Symbol("y"), Symbol("w'")
    names = Names({y: "(act_sigmoid x)"})
    assert (names(y), names(w)) == ("(act_sigmoid x)", "w_u27_")


def test_coq_takes_every_name_and_every_comment(tmp_path):
    """Each awkward name as a variable, in a term and as a function, each in a comment; and no name twice."""
    names = [*AWKWARD, *sorted(KEYWORDS), *sorted(reserved())]
    found = [identifier(name) for name in dict.fromkeys(names)]
    lines = [library(), table(names)]
    for name in dict.fromkeys(names):
        lines.append(f"{comment(name)} {comment(name + '(*')}")
    lines.append("Section A.")
    lines += [f"Variable {name} : R." for name in found]
    lines += [f"Definition all'names : R := {' + '.join(found)}.", "End A."]
    lines.append("Section B. Variable x : R -> R.")
    lines += [f"Definition f'{i} : R := let {name} := 1 in x {name}." for i, name in enumerate(found)]
    lines.append("End B.")
    (tmp_path / "names.v").write_text("\n".join(lines), encoding="utf-8")
    outcome = process([program("coqc"), "-q", "names.v"], cwd=tmp_path, timeout=120)
    assert outcome.code == 0, outcome.err
