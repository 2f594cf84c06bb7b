"""Texts of others as trees: every way of writing that is known, every place, and no crash on anything."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import shared

from backprop_symbolic import Network, derive, prove_activation, render
from backprop_symbolic.errors import BadText
from backprop_symbolic.message import Message
from backprop_symbolic.render import Options
from backprop_symbolic.review import grammar, sources
from backprop_symbolic.review.tree import (
    Applied,
    Bars,
    Beside,
    Cases,
    Derivative,
    Foreign,
    Name,
    Node,
    NotRead,
    Number,
    Power,
    Primed,
    Product,
    Quotient,
    Relation,
    Root,
    Row,
    Series,
    Statement,
    Sum,
)  # fmt: skip


def row(text: str, number: int = 1, block: int = 0) -> Row:
    return Row(f"R{number}", text, tuple((number, c + 1) for c in range(len(text) + 1)), block)


def short(node: Node | None) -> str:
    """A tree in one line, so that a test says the whole of it."""
    match node:
        case None:
            return "·"
        case Name():
            return node.key + {"next": "⁺", "now": "°", "": ""}[node.tense]
        case Number(text=text):
            return text
        case Sum(terms=terms):
            return "(" + "".join("-+"[sign > 0] + short(term) for sign, term in terms) + ")"
        case Product(factors=factors):
            return "[" + " ".join(map(short, factors)) + "]"
        case Quotient(top=top, bottom=bottom):
            return f"{short(top)}/{short(bottom)}"
        case Power(base=base, exponent=exponent):
            return f"{short(base)}^{short(exponent)}"
        case Root(body=body):
            return f"√{short(body)}"
        case Applied(function=function, argument=argument, primes=primes):
            return f"{short(function)}{chr(39) * primes}!{short(argument)}"
        case Beside(name=name, inside=inside):
            return f"{short(name)}?{short(inside)}"
        case Derivative(of=of, by=by):
            return f"<{short(of)}|{short(by)}>"
        case Primed(body=body):
            return f"{short(body)}'"
        case Series():
            return f"Σ{short(node.index)},{short(node.first)},{short(node.last)},{short(node.without)}:{short(node.term)}"
        case Cases(rows=rows):
            return "{" + "; ".join(f"{short(value)} if {short(condition)}" for value, condition in rows) + "}"
        case Bars(body=body, double=double):
            return f"{'‖' if double else '|'}{short(body)}{'‖' if double else '|'}"
        case Foreign(what=what):
            return f"?{what}?"
        case Relation(sides=sides, signs=signs):
            return short(sides[0]) + "".join(
                f" {s} {short(x)}" for s, x in zip(signs, sides[1:], strict=True)
            )
    raise AssertionError(node)


def said(text: str) -> str:
    found = grammar.parse(row(text))
    assert isinstance(found, Statement), found
    return " ;; ".join(map(short, found.relations))


FORMS = {
    # names: words, letters side by side, indices, tenses, marks
    r"\mathit{net}_{h1} = \text{오차}_{out}": "neth1 = 오차out",
    r"오차 y_{out} = 오차y_{out}": "오차yout = 오차yout",
    r"w5 + Jo1 + tmp1 + Etotal + E_{total}": "(+w5+Jo1+tmp1+Etotal+Etotal)",
    r"xy = x y": "[x y] = [x y]",
    r"output_{(o1)} = output(o1) = output{o1}": "outputo1 = outputo1 = outputo1",
    r"y_ip_i": "[yi pi]",
    r"w_ij x_j": "[wij xj]",
    r"w^{new} = w^{old}": "w⁺ = w°",
    r"w_1^+ = w5+": "w1⁺ = w5⁺",
    r"w_{31} (t + 1) = w_{31}t": "w31⁺ = w31°",
    r"w(t + 1) = w_{t}": "w⁺ = w°",
    r"w^{(t+1)} = w^{(t)}": "w⁺ = w°",
    r"2t \cdot 1": "[[2 t] 1]",
    r"W^{(2)}_{11} + a^{[1]} + a^{(l-1)}": "(+W11(2)+a[1]+a(l-1))",
    r"\hat{y}_j^k = \tilde y + \bar x": "hatyj^k = (+tildey+barx)",
    r"\mathbf{W} \mathbf x": "[W x]",
    r"E^* - t^*_1": "(+E*-t1*)",
    r"\Delta \theta_j": "Deltathetaj",
    r"α·β − δ_{o1}": "(+[alpha beta]-deltao1)",
    # derivatives, however they are written
    r"\frac{d오차y_{out}}{dw_{31}}": "<오차yout|w31>",
    r"\frac{d(오차y_{o1})}{dy_{h1}}": "<오차yo1|yh1>",
    r"\frac{d(a) + d(b)}{dy_{h1}}": "(+<a|yh1>+<b|yh1>)",
    r"\dfrac{\partial E}{\partial w_5} = \cfrac{\partial E}{\partial w_5}": "<E|w5> = <E|w5>",
    r"{\partial E \over \partial u_{11}} = {1 \over 2}": "<E|u11> = 1/2",
    r"\frac{\partial [f(β-θ)]}{\partial θ}": "<f?(+beta-theta)|theta>",
    r"\frac{\partial log(p_k)}{\partial o_i}": "<log!pk|oi>",
    r"\frac{d}{dx} σ(x)": "<sigma!x|x>",
    r"\frac{\partial}{\partial x}(a + b)^2 \cdot c": "[<(+a+b)^2|x> c]",
    r"{\partial \over \partial u_{11}} h_1 u_{11} + 1": "(+<[h1 u11]|u11>+1)",
    r"∂E/∂w = dE/dw_{31} = dE/dw5 = dJtotal/dnet_{o1}": "<E|w> = <E|w31> = <E|w5> = <Jtotal|neto1>",
    r"∂E/∂w (a + b)": "[<E|w> (+a+b)]",
    r"d/dx (1 + x)": "<(+1+x)|x>",
    r"\frac{\mathrm{d}y}{\mathrm{d}x}": "<y|x>",
    r"\frac{\partial E}{\partial \hat{y}_j^k}": "<E|hatyjk>",
    r"\frac{d}{2} = d": "d/2 = d",
    r"\left \{ f(g(x)) \right \}' = f'(g(x))g'(x)": "f?g?x' = [f'!g?x g'!x]",
    r"f^\prime(x) = g\prime(x)": "f'!x = g'!x",
    # products, signs, numbers
    r"a \cdot b \times c * d": "[a b c d]",
    r"-p_j.p_i": "(-[pj pi])",
    r"0.05 + -0.019": "(+0.05-0.019)",
    r"a * -b": "[a (-b)]",
    r"1/2(a-b)^2": "[1/2 (+a-b)^2]",
    r"\frac12 x": "[1/2 x]",
    r"1 / (1 + e^-0.3775)": "1/(+1+e^(-0.3775))",
    r"e^(-input(h1)) = \exp(-x)": "e^(-inputh1) = exp!(-x)",
    r"1(bias)": "1",
    r"y_{o1} \cdot (1 - y_{o1}) = y_{o1}(1-y_{o1})": "[yo1 (+1-yo1)] = yo1?(+1-yo1)",
    r"\delta y_{o1} \cdot w_{31}": "[[delta yo1] w31]",
    r"\sqrt{x}": "√x",
    r"|x| = \left|x\right|": "|x| = |x|",
    r"\|x\|^2 = ||x||^2": "‖x‖^2 = ‖x‖^2",
    r"|a||b|": "[|a| |b|]",
    r"{ exp }(-x) = \text{exp(-x)}": "exp!(-x) = exp!(-x)",
    r"\tanh x = -i \tan ix": "tanh!x = (-[i tan![i x]])",
    # sums, cases
    r"\sum_{k\neq i} a_k": "Σk,·,·,i:ak",
    r"\sum\limits_{j=1}^{l} g_j \cdot w_{hj} + 1": "(+Σj,1,l,·:[gj whj]+1)",
    r"\begin{cases} 1 & if & i=j \\ 0 & if & i\neq j \end{cases}": "{1 if i = j; 0 if i ≠ j}",
    r"\begin{cases} x\quad (x>0) \\ 0\quad (x\le 0) \end{cases}": "{x if x > 0; 0 if x ≤ 0}",
    r"\begin{cases} x & x > 0 \\ 0 & \text{그 밖의 경우} \end{cases}": "{x if x > 0; 0 if ·}",
    r"\left\{\begin{array}{ll} x & x > 0 \\ 0 & x \le 0 \end{array}\right.": "{x if x > 0; 0 if x ≤ 0}",
    r"\max(0, x)": "{0 if 0 > x; x if ·}",
    # known, and not judged
    r"\mathbf{X}^T + x^\top": "(+?transpose?+?transpose?)",
    r"a \odot b": "?⊙?",
    r"\textrm{prod}\left(a, b\right)": "?prod?",
    r"x = y \in \mathbb{R}^q": "x = y ;; ?∈?",
    # rows
    r"= (a)": "· = a",
    r"a = b, \quad c = d.": "a = b ;; c = d",
    r"\frac{\partial J}{\partial L} = 1 \; \textrm{and} \; \frac{\partial J}{\partial s} = 1.": "<J|L> = 1 ;; <J|s> = 1",
    r"f(x) = x \quad (x > 0)": "f?x = {x if x > 0}",
    r"a \rightarrow W_6^+ = 0.3": "a → W6⁺ = 0.3",
    "同理output(o2) = 0.77": "outputo2 = 0.77",
    "可以得到总误差为：Jtotal = Jo1": "Jtotal = Jo1",
    r"> a = > b": "a = b",
    r"\boxed{a = b}": "a = b",
    r"a = b \qquad \text{체인룰}": "a = b",
}  # fmt: skip


@pytest.mark.parametrize("text", FORMS)
def test_every_way_of_writing(text):
    """A row is read as what it says."""
    expected = FORMS[text]
    text = f"{text} = 1" if text.endswith("w5+") else text
    assert said(text).removesuffix(" = 1") == expected.removesuffix(" = 1")


@pytest.mark.parametrize(
    ("text", "connective"),
    [(r"\therefore a = b", "therefore"), ("∴ a = b", "therefore"), (r"(\because σ = b)", "because"), ("于是b = 1", "therefore"), (r"\Rightarrow a = b", "implies"), ("a = b", "")],
)  # fmt: skip
def test_connectives(text, connective):
    found = grammar.parse(row(text))
    assert isinstance(found, Statement)
    assert found.connective == connective
    assert len(found.relations) == 1


def test_numbers_keep_the_unit_of_their_last_digit():
    """0.40 is known to a hundredth, 2 exactly, 1.2·10^-3 to a ten-thousandth."""
    for text, value, unit in (("0.40", "0.4", "0.01"), ("2", "2", "0"), ("1e-5", "0.00001", "0.00001"), (r"1.2\times10^{-3}", "0.0012", "0.0001")):  # fmt: skip
        found = grammar.parse(row(text))
        assert isinstance(found, Statement)
        number = found.relations[0].sides[0]
        assert isinstance(number, Number)
        assert (number.value, number.unit) == (Fraction(value), Fraction(unit))


@pytest.mark.parametrize(
    ("text", "why", "piece"),
    [
        (r"a = \foo x", "why_unknown_command", r"\foo"),
        (r"\frac{a}{", "why_unbalanced", "{"),
        ("(a + b = 1", "why_unbalanced", "("),
        ("a + b) = 1", "why_unbalanced", ")"),
        ("a = b + ", "why_ends", ""),
        ("a = # b", "why_character", "#"),
        ("2 3 = 6", "why_unexpected", "3"),
        (r"\partial E = 1", "why_differential", r"\partial E = 1"),
        (r"\text{and}", "why_words", r"\text{and}"),
        ("1" * 101, "why_number", "1" * 101),
        (r"\begin{cases} 1 & x \end{cases}", "why_cases", r"\end{cases}"),
    ],
)
def test_what_is_not_read_is_told_with_its_place(text, why, piece):
    found = grammar.parse(row(text))
    assert isinstance(found, NotRead)
    assert found.why.key == f"review.{why}"
    assert text[slice(*found.span)] == piece


# ---------------------------------------------------------------- files


def texts(source: str, name: str = "a.md") -> list[str]:
    return [r.text for r in sources.read(source.encode(), name)]


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("$$a = b$$ and $c = d$, $`e = f`$", ["a = b", "c = d", "e = f"]),
        ("$$\n\\begin{aligned}\na &= b \\\\\n &= c && \\text{why \\\\ not} \\\\[4pt]\n\\end{aligned}\n$$\n", ["a = b", "= c", ""]),
        ("```math\na = b\n```\n", ["a = b"]),
        ("```{math}\n:label: x\na = b\n```\n", ["a = b"]),
        ("{math}`a = b`", ["a = b"]),
        ("\\[a = b\\] \\(c\\)", ["a = b", "c"]),
        ("\\begin{eqnarray}a & = & b \\\\ & = & c\\end{eqnarray}", ["a  =  b", "=  c"]),
        ("> $$\n> a\n> = b\n> $$\n", ["a\n= b"]),
        ("$$ f = \\begin{cases} 1 & x \\\\ 2 & y \\end{cases} $$", [r"f = \begin{cases} 1 & x \\ 2 & y \end{cases}"]),
        ("`$a$` costs \\$5 and 3$ <!-- $b$ -->", []),
        ("```python\nx = 1\n```\n", []),
        ("```\na = b*c\nd = 2\n```\n", ["a = b*c", "d = 2"]),
        ("```\nx = 1\nprint(x);\n```\n", []),
        ("- Jo1 = 1/2 * (0.75 - 0.01)^2 = 0.27\n", ["Jo1 = 1/2 * (0.75 - 0.01)^2 = 0.27"]),
        ("w5+ = w5 - eta * a = 0.35\n", ["w5+ = w5 - eta * a = 0.35"]),
        ("the answer = what we want\n", []),
        ("总误差为：J = a + b\n", ["J = a + b"]),
    ],
)  # fmt: skip
def test_markdown(source, rows):
    assert texts(source) == rows


def test_latex():
    """Environments and inline formulas of the body; comments, pictures and verbatim are passed over."""
    source = "\\edef\\x{1}$q$\\begin{document}$a$ % $b$\n\\begin{align*}c &= d\\\\ &= \\x\\end{align*}\n\\begin{tikzpicture}$e$\\end{tikzpicture}\\verb|$f$| \\[g\\]\\end{document}"
    rows = sources.read(source.encode(), "a.tex")
    assert [r.text for r in rows] == ["a", "c = d", r"= \x", "g"]
    refused = grammar.parse(rows[2])
    assert isinstance(refused, NotRead)
    assert refused.why == Message("review.why_macro", {"command": "x", "line": 1})


#: Definitions, a formula, and what it is with them: a text, or the reason why it is not read.
MACROS = [
    (r"\newcommand{\net}[1]{z_{#1}}", r"a = \net{h_{1}} \net 2", r"a = z_{h_{1}} z_{2}"),
    (r"\newcommand\pd[2]{\frac{\partial #1}{\partial #2}}", r"\pd E{\pd ab}", r"\frac{\partial E}{\partial \frac{\partial a}{\partial b}}"),
    (r"\def\pd#1#2{\frac{d#1}{d#2}}\def\y{\alpha}", r"\pd\y x \y x", r"\frac{d\alpha }{dx} \alpha x"),
    (r"\let\e\eta \DeclareMathOperator{\net}{net}", r"\e\net", r"\eta \operatorname{net}"),
    ("% \\def\\a{c}\n\\def\\a{b}% why\n\\newcommand{\\b}{x %}\n}", r"\a\b", "bx"),
    (r"\def\a{b}\def\a{b}", r"\a\\", "b"),
    (r"\def\a{b}\def\a{c}", r"\a", "why_macro_twice"),
    (r"\def\a{\b}\def\b{x\a}", r"\a", "why_macro_end"),
    (r"\def\a#1{\a{#1#1}}", r"\a x", "why_long"),
    (r"\newcommand{\a}[1]{#1}", r"x \a", "why_macro_argument"),
    (r"\newcommand{\a}[1]{#1}", r"x \a{b", "why_macro_argument"),
    (r"\newcommand{\a}[2][x]{#1#2}", r"\a b", "why_macro"),
    (r"\def\a#1;{#1}", r"\a b;", "why_macro"),
    (r"\newcommand{\a}{b \\ c}", r"\a", "why_macro"),
    (r"\newcommand{\a}{" + "{" * 5000, r"\a", "why_macro"),
    (r"\NewDocumentCommand{\a}{m}{#1}", r"\a b", "why_macro"),
]  # fmt: skip


@pytest.mark.parametrize(("definitions", "formula", "expected"), MACROS)
@pytest.mark.parametrize("name", ["a.md", "a.tex"])
def test_macros_of_the_text_are_put_in_or_refused_by_name(definitions, formula, expected, name):
    """As TeX does it, in the definitions' own display or in none; what is put in stands where it is used."""
    for before in (f"$${definitions}$$", definitions):
        source = f"{before}\n$$ q = {formula} $$\n"
        found = sources.read(source.encode(), name)[0 if "{{{" not in definitions else -1]
        line, column = found.at[0]
        assert source.split("\n")[line - 1][column - 1] == "q"
        assert list(found.at) == sorted(found.at)
        if expected.startswith("why"):
            refused = grammar.parse(found)
            assert isinstance(refused, NotRead)
            assert refused.why.key == f"review.{expected}"
        else:
            assert " ".join(found.text.split()) == f"q = {expected}"
            assert found.expanded


def test_macros_that_grow_are_refused_in_no_time():
    """A hundred commands that each say the next one twice: the work of a whole text is bounded."""
    grow = "".join(f"\\def\\{'a' * n}{{\\{'a' * (n + 1)}\\{'a' * (n + 1)}}}\n" for n in range(1, 100))
    rows = sources.read((grow + "$$ x = \\a $$\n" * 1000).encode(), "a.tex")
    whys = {found.why.key for found in grammar.parse_all(rows) if isinstance(found, NotRead)}
    assert whys == {"review.why_macro_end", "review.why_long"}


def test_a_notebook():
    """Markdown cells, with the cell's number and the place in its source."""
    cells = [{"cell_type": "code", "source": "$x$"}, {"cell_type": "markdown", "source": ["a\n", "$$b$$"]}]
    (found,) = sources.read(json.dumps({"cells": cells}).encode(), "a.ipynb")
    assert (found.id, found.text, found.cell, found.at[0]) == ("R1", "b", 1, (2, 3))


def test_places_and_labels():
    """Every character knows where it stands; a heading or a line of its own labels what follows."""
    source = "﻿### (1) x\n\n> $$ a &= b \\\\ &= c $$\n\n(a)-1\n$$ d $$\n\n# Other\n\r\n$$ e $$\n"
    rows = sources.read(source.encode(), "a.md")
    assert [(r.text, r.label, r.block, r.index) for r in rows] == [
        ("a = b", "(1)", 0, 0), ("= c", "(1)", 0, 1), ("d", "(a)-1", 1, 0), ("e", "", 2, 0),
    ]  # fmt: skip
    lines = source.lstrip("\ufeff").split("\n")
    for found in rows:
        assert "".join(lines[line - 1][column - 1] for line, column in found.at[:-1]) == found.text
    place = rows[0].place((4, 5))
    assert (place.line, place.column, place.end_column) == (3, 11, 12)


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"a\n\0", "a.md", "line 2: a NUL byte"),
        ("한".encode("utf-16"), "a.md", "UTF-16"),
        ("한글".encode("cp949"), "a.tex", "0xc7 is not UTF-8"),
        (b"x" * (sources.MAX_BYTES + 1), "a.md", "at most 10000000"),
        (b"[1", "a.ipynb", "not JSON"),
        (b"[" * 200_000, "a.ipynb", "not JSON"),
        (b"{}", "a.ipynb", "no list 'cells'"),
        (b"\\def\\a{b}" * 2001, "a.tex", "more than 2000 definitions"),
        (b"\\newcommand{\\a}[1]{" * 2001, "a.md", "more than 2000 definitions"),
    ],
)
def test_broken_files_are_refused_by_name(data, name, message):
    with pytest.raises(BadText, match=message):
        sources.read(data, name)


@pytest.mark.parametrize(
    "piece",
    ["{", "(", "\\frac", "\\frac{", "\\text{", "-", "^x", "_x", "\\sqrt", "\\ln ", "\\sum", "|", "$ ", "$a ", "$$", "` a\n", "\\begin{align}", "\\begin{cases}", "```\n", "> ", "(a)\n", "d/", "'", "\\boxed{", "<!--", "\\left\\{\\begin{array}{l}", "&&\\text{", "%", "한글 "],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.md", "a.tex"])
def test_hostile_repetition(piece, name):
    """Ten thousand of the same, bare and in a display: rows with a place and a reason, never an exception."""
    for text in (piece * 10_000, f"$$\n{piece * 1_000}\n$$", f"$$\n{piece * 10_000}\n$$"):
        for found in grammar.parse_all(sources.read(text.encode(), name)):
            found.row.place(found.span if isinstance(found, NotRead) else found.relations[0].span)


def test_deep_nesting_is_refused():
    for text in ("{" * 100_000 + "}" * 100_000, "(" * 99 + "x" + ")" * 99, "\\sqrt" * 99 + "x"):
        found = grammar.parse(row(text))
        assert isinstance(found, NotRead)
        assert found.why.key in ("review.why_long", "review.why_deep")


PIECES = r"\frac \partial d { } ( ) [ ] \{ \} _ ^ ' + - * / = , . | \| \left \right \begin{cases} \end{cases} & \\ \sum \sqrt x w_{31} 3 0.5 오차 y_{o1} \text{a b} \text{if} \quad \sigma f e \ln \max \hat t (t+1) \boxed \mathbf \over < > \therefore \Rightarrow 同理 \cdot \Delta \in dE/ dw \prime \left\{ \begin{array}{l} \end{array} \right. && if d/dx \mathrm{d} {} \odot \top T $ $$ ` ```".split(" ")  # noqa: SIM905  # fmt: skip


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=30), st.sampled_from(["", " "])
)
def test_anything_is_read_or_refused(pieces, blank):
    """Whatever is written: a statement or a refusal, with a place inside the row; no exception."""
    text = blank.join(pieces)
    rows = [row(text), *sources.read(f"$${text}$$\n{text}".encode().replace(b"\0", b""), "a.md")]
    for found in [*grammar.parse_all(rows), *map(grammar.parse, rows)]:
        start, end = found.span if isinstance(found, NotRead) else found.relations[0].span
        assert 0 <= start <= end <= len(found.row.text)
        found.row.place((start, end))


# ---------------------------------------------------------------- whole texts


def unread(data: bytes, name: str, displays: bool = False) -> list[str]:
    found = grammar.parse_all(sources.read(data, name))
    assert len(found) > 10
    return [
        f"{f.why.key}: {f.row.text}"
        for f in found
        if isinstance(f, NotRead) and (f.row.display or not displays)
    ]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("format", ["markdown", "latex", "notebook"])
def test_what_we_print_we_read(language, format):
    """Every row of our own documents, displayed or in a sentence."""
    ending = {"markdown": "a.md", "latex": "a.tex", "notebook": "a.ipynb"}[format]
    softmax = Network.dense([2, 3, 2], ["tanh", "softmax"], "categorical_cross_entropy", "node")
    names = ("relu", "gelu", "selu", "hard_swish", "softplus", "mish")
    derived = [derive("2-2-2", "w11"), derive("2-2-2", "all"), derive(softmax, "w1_11", notation="layered")]
    options = Options(language=language, standalone=True)
    for result in [*derived, *map(prove_activation, names)]:
        assert unread(render.render(result.derivation, format, options).encode(), ending) == []


def test_the_lecture_is_read_whole():
    assert unread(shared("reference", "lecture-ko.md").read_bytes(), "lecture.md") == []


def test_published_texts_are_read():
    """All rows of the eight texts, written as displays in their order."""
    for path in sorted(shared("cases", "derivations").glob("*.json")):
        lines = [line["text"] for line in json.loads(path.read_text(encoding="utf-8"))["lines"]]
        assert unread("".join(f"$$\n{line}\n$$\n\n" for line in lines).encode(), "a.md") == [], path.name


def test_a_formula_over_several_rows_is_one_statement():
    """An open bracket, an operator at the end or at the beginning: the ids of all."""
    rows = [
        row(t, i + 1, i)
        for i, t in enumerate([r"a = \{b", r"+ c\}*", "[d]", "= e", "= f + g", "+ h", "i = j"])
    ]
    found = grammar.parse_all(rows)
    assert [f.row.id for f in found] == ["R1+R2+R3", "R4", "R5+R6", "R7"]
    assert short(found[0].relations[0]) == "a = [(+b+c) d]"
    assert found[0].row.at[-1] == rows[2].at[-1]
