"""Wording: every key in every language, every placeholder supplied, Korean that reads aloud.

The messages are read from templates/messages; what the code can ask for is found twice, by walking
derivations of many networks and by reading the source for the keys it writes.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import lectures
import pytest

from backprop_symbolic import (
    Network,
    activations,
    backprop,
    calculus,
    derivation,
    derive,
    elimination,
    losses,
    page,
    proof,
    prove_activation,
    prove_loss,
    publish,
    read,
    render,
    rules,
)  # fmt: skip
from backprop_symbolic.api import VerifiedDerivation
from backprop_symbolic.derivation import DETAILS, Argument
from backprop_symbolic.document import Bullets, Display, Heading, Message, Paragraph, document, meanings
from backprop_symbolic.graph import Graph, dense
from backprop_symbolic.numeric import optimizers
from backprop_symbolic.numeric.descent import descent
from backprop_symbolic.rendering import slides
from backprop_symbolic.spec import BIAS_MODES
from backprop_symbolic.wording import languages, messages, template_dir

PLACEHOLDER = re.compile(r"\{(\w+)(?:=(\w+))?\}")
GRAPHS = (
    "net1 = w*x1 + 1\nh1 = tanh(net1)\nnet2 = w*h1 + 1\no1 = sigmoid(net2)\nE = 1/2*(t1 - o1)**2\n",
    "a = w1*x1 + b1\nh = sigmoid(a)\ns = h*x1 + a\nE = (t1 - s)**2 + abs(w1)*0.5\n",
    "parameter unused\na = w1*x1\nE = a**2 + exp(a)/a - log(a) + sqrt(a)\n",
    "a = w1*x1\nb = 2**a + sin(a)*cos(a)\nc = sinh(b) + cosh(b)\nd = atan(c) + erf(c) + sign(c)\nE = d + w1**x1\n",
    "a = w1*x1\nE = (a if a > 0 else 3) + 1/a + (a + 1)/(a + 2) + max(a, x1)",
    "a = w1*w1*x1\nb = relu(a)\nE = b*b",
    "E = w1",
)


#: Formulas whose pages between them say every sentence that a page can say.
FORMULAS = (
    "3", "x**2", "x**(1/3)", "exp(x) + x**2", "1/x", "log(x)", "abs(x)", "sin(x)*cos(x)", "2**x + x**3",
    "atan(exp(x))", "x*tanh(log(1 + exp(x)))", "exp(x)/3 + 1/(1 + x**2)", "max(0, sinh(x) + cosh(x))",
)  # fmt: skip


def placeholders(text: str) -> set[str]:
    """The arguments a message asks for; {a=b} asks for two."""
    return {name for pair in PLACEHOLDER.findall(text) for name in pair if name}


# ---------------------------------------------------------------- what the code asks for


#: Too long to be put together: its inner functions keep their names.
LONG = "{}**2"
for _ in range(9):
    LONG = f"atan(1 + {LONG})"


def every_derivation() -> Iterator:
    """Derivations that between them take every branch of `backprop`."""
    names, errors = activations.activations.names(), losses.losses.names()
    for i, name in enumerate(names):
        loss, bias = errors[i % len(errors)], list(BIAS_MODES)[i % len(BIAS_MODES)]
        yield Network.dense([2, 2, 2], [name, "sigmoid"], loss, bias), "all"
        yield Network.dense([1, 2, 1], ["tanh", name], "half_sse", bias), "all"
    for sizes in (
        [1, 1],
        [2, 1],
        [1, 1, 1],
        [2, 3, 4],
        [2, 5, 5],
        [2, 2, 2, 2],
        [1, 1, 1, 1],
        [2, 3, 3, 2, 1],
    ):
        for bias in ("1", "layer", "node"):
            network = Network.dense(sizes, bias=bias)
            yield network, "all"
    yield Network.dense([2, 2, 2]), "w31"
    yield Network.dense([2, 2, 2]), "w11"
    yield Network.dense([2, 2, 2], bias="layer"), "b1"
    yield Network.dense([2, 3, 3, 2]), "w11"
    for text in GRAPHS:
        yield read(text), "all"
    for sizes in ([2, 2, 2], [2, 2, 3, 3]):
        for weight in ("w11", "all"):
            softmax = ["sigmoid"] * (len(sizes) - 2) + ["softmax"]
            yield Network.dense(sizes, softmax, "categorical_cross_entropy", "node"), weight
            yield Network.dense(sizes, softmax, "half_sse", l1=0.1, l2="0.01", bias="layer"), weight
            yield Network.dense(sizes, softmax[::-1], "softmax_cross_entropy", l2=1), weight


@cache
def asked() -> dict[str, list[frozenset[str]]]:
    """Every message key that a document asked for, with the sets of arguments it was given."""
    found: dict[str, set[frozenset[str]]] = {}

    def note(message: Message) -> None:
        found.setdefault(message.key, set()).add(frozenset(message.args))

    def every() -> Iterator[tuple[VerifiedDerivation, tuple[str, ...]]]:
        """Each derivation with the details at which it is written."""
        for network, weight in every_derivation():
            yield derive(network, weight), ("brief", "normal")
            yield derive(network, weight, detail="full"), ("full",)
        for name in (
            *activations.activations.names(),
            *activations.layer_activations.names(),
            *FORMULAS,
            LONG.format("x"),
        ):
            yield prove_activation(name), tuple(DETAILS)
        for name in (*losses.losses.names(), "(t - o)**4/4", LONG.format("(t - o)")):
            yield prove_loss(name), tuple(DETAILS)

    for network, _ in every_derivation():
        for message in meanings(network if isinstance(network, Graph) else dense(network)).values():
            note(message)
    for proved in (
        derive("2-2-2", "w11"),
        prove_activation("mish"),
        prove_loss("mse"),
        prove_loss("softmax_cross_entropy"),
    ):
        for message in meanings(proved.graph, proved.derivation).values():
            note(message)
    for name in lectures.LECTURES:
        for message in lectures.messages_of(lectures.written(name).document):
            note(message)
    pages = [document(descent(optimizer)) for optimizer in optimizers.optimizers]
    derived = (document(r.derivation, DETAILS[detail]) for r, details in every() for detail in details)
    for whole in (*pages, *derived):
        note(whole.title)
        for block in whole.blocks:
            if isinstance(block, (Heading, Paragraph)):
                note(block.text)
            elif isinstance(block, Bullets):
                for item in block.items:
                    note(item)
            elif isinstance(block, Display):
                for row in block.rows:
                    for reason in row.reasons:
                        note(reason)
    return {key: list(args) for key, args in found.items()}


def strings(node: ast.AST | None, names: dict[str, set[str]]) -> set[str]:
    """The texts that an expression of the source may be."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, ast.IfExp):
        return strings(node.body, names) | strings(node.orelse, names)
    if isinstance(node, ast.Name):
        return names.get(node.id, set())
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return names.get(f".{node.func.attr}", set())  # what the method of that name returns
    return set()


def returns(function: ast.FunctionDef) -> set[str]:
    """The texts that a function may return."""
    found = [strings(n.value, {}) for n in ast.walk(function) if isinstance(n, ast.Return)]
    return set().union(*found)


def written_in_source() -> set[str]:
    """The keys that the source names: Section("…"), Group("…"), Message("…"), calculus' rules."""
    from backprop_symbolic import document as document_module
    from backprop_symbolic.numeric import descent, outcome
    from backprop_symbolic.rendering import notebook

    found: set[str] = set()
    for module in (
        backprop,
        document_module,
        calculus,
        derivation,
        elimination,
        proof,
        page,
        descent,
        outcome,
        notebook,
    ):
        tree = ast.parse(inspect.getsource(module))
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        returned = {f".{f.name}": returns(f) for f in functions}
        for function in functions:
            names: dict[str, set[str]] = dict(returned)
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    names.setdefault(node.targets[0].id, set()).update(strings(node.value, {}))
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Return)
                    and function.name == "title"
                    and isinstance(node.value, ast.Tuple)
                ):
                    found |= strings(node.value.elts[0], names)
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                    continue
                if node.func.id in ("Section", "Group"):
                    found |= {f"{node.func.id.lower()}.{key}" for key in strings(node.args[0], names)}
                if node.func.id in ("Move", "Eliminated"):
                    at = 2 if node.func.id == "Move" else 0
                    found |= {f"elimination.{key}" for key in strings(node.args[at], names)}
                if node.func.id == "Message":
                    found |= strings(node.args[0], names)
                if node.func.id == "Calculated" and isinstance(node.args[1], ast.Tuple):
                    found |= {f"calculus.{k}" for e in node.args[1].elts for k in strings(e, names)}
        if module is calculus:
            found |= {f"calculus.{key}" for key in calculus_rules(tree)}
    return found


def calculus_rules(tree: ast.Module) -> set[str]:
    """The rule names of `calculus`: what its rules return second, and what `_chained` is given."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            found |= strings(node.value.elts[1], {})
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.IfExp):
            for branch in (node.value.body, node.value.orelse):
                if isinstance(branch, ast.Tuple) and len(branch.elts) == 2:
                    found |= strings(branch.elts[1], {})
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_chained":
            found |= strings(node.args[1], {})
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Line":
            if isinstance(node.args[1], ast.Tuple):
                found |= {k for e in node.args[1].elts for k in strings(e, {})}
        elif isinstance(node, ast.Lambda) and isinstance(node.body, ast.Tuple):
            found |= strings(node.body.elts[-1], {})
    return found


def about_functions() -> set[str]:
    """The keys of facts, of the vanishing gradient and of plots.

    That each fact's sentence is said of some function is a test of its own, in test_facts.
    """
    from backprop_symbolic import plots, vanishing

    page, _ = vanishing.document(vanishing.vanishing(Network.dense([2, 2, 2]), ["silu", "relu"]))
    found = {page.title.key}
    for block in page.blocks:
        if isinstance(block, (Heading, Paragraph)):
            found.add(block.text.key)
        found |= {message.key for message in getattr(block, "head", ())}
    drawn = {w for w in re.findall(r'"(\w+)"', inspect.getsource(plots)) if f"plot.{w}" in messages("en")}
    facts = {key for key in messages("en") if key.startswith(("group.fact_", "group.how_"))}
    return {*found, *facts, *(f"plot.{word}" for word in drawn), "section.facts"}


def about_checks() -> set[str]:
    """The keys of `backprop check`: every word in its source that is one.

    That each cause is said of some claim is a test of its own, in test_claims.
    """
    from backprop_symbolic.numeric import check, claims, report

    words = {
        w for module in (check, claims, report) for w in re.findall(r'"(\w+)"', inspect.getsource(module))
    }
    words |= set(re.findall(r'"(?:check|verdict)\.(\w+)"', inspect.getsource(report)))
    known = messages("en")
    return {f"{t}.{w}" for t in ("check", "verdict", "cause") for w in words if f"{t}.{w}" in known}


def about_reviews() -> set[str]:
    """The keys of `backprop review`: every word in its source that is one, and a rule for each of SARIF's.

    That each kind of mistake is named for some text is a test of its own, in test_review_faults.
    """
    from backprop_symbolic.review import report

    folder = Path(inspect.getfile(report)).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    words = set(re.findall(r'"(?:review\.)?(\w+)"', source)) | {*report.VERDICTS}
    words |= {f"rule_{report.rule_id(*rule)}".replace("-", "_") for rule in report.RULES}
    return {f"review.{word}" for word in words if f"review.{word}" in messages("en")}


def about_proofs() -> set[str]:
    """The keys of `backprop prove`, and of what a document says of a proof."""
    from backprop_symbolic import document as document_module
    from backprop_symbolic.formal import command
    from backprop_symbolic.lecture.notes import Lecture

    words = set(re.findall(r'say\("(\w+)"', inspect.getsource(command)))
    named = re.findall(r'"(prove\.\w+)"', inspect.getsource(document_module))
    said = re.findall(r'note\("(\w+)"', inspect.getsource(inspect.getmodule(Lecture)))
    return {*(f"prove.{word}" for word in words), *named, *(f"notes.{key}" for key in said)}


def about_pictures() -> set[str]:
    """The keys of flow charts: captions, words for them, and each kind of row in their legends."""
    from backprop_symbolic.graph import dense
    from backprop_symbolic.pictures import layout, picture

    found: set[str] = set()
    told = {key: key for key in messages("en")}
    graphs = [dense(Network.dense(sizes)) for sizes in ([2, 2, 2], [2, 8, 8, 8, 2])] + [read(GRAPHS[0])]
    for graph in graphs:
        for parameter in (graph.parameters[0], graph.parameters[-1]):
            drawn = picture(graph, parameter, "network")
            found |= {drawn.caption.key, drawn.alt.key}
            texts = layout(drawn.drawing.chart, graph.written("en"), told).texts
            found |= {t.label.plain for t in texts if t.label.plain in told}
    return found


def about_browsers() -> set[str]:
    """The keys of pages for a browser: what their templates and modules say."""
    found: set[str] = set()
    for folder in ("html", "slides"):
        for path in (template_dir() / folder).glob("*.html"):
            found |= set(re.findall(r'"(html\.\w+)"', path.read_text(encoding="utf-8")))
    for module in (slides, publish):
        named = re.findall(r'"((?:html|index)\.\w+)"', inspect.getsource(module))
        found |= {key for key in named if key in messages("en")}  # index.html is a file
    return found


def producible() -> set[str]:
    """Every key that the code can ask for."""
    return {
        *asked(),
        *written_in_source(),
        *(f"rule.{key}" for key in rules.RULES),
        *(f"board.{line.rule}" for entry in activations.activations for line in entry.board),
        *(f"hypothesis.bias_{mode}" for mode in BIAS_MODES),
        *(f"hypothesis.{key}" for loss in losses.losses for key in loss.conditions),
        *(f"format.{name}" for name in render.formats.names()),
        *about_functions(),
        *about_browsers(),
        *(
            f"{kind}.{c.key}"
            for o in optimizers.optimizers
            for c in o.claims
            for kind in ("section", "group")
        ),
        *about_checks(),
        *about_pictures(),
        *about_reviews(),
        *about_proofs(),
        "word.otherwise",
        "word.language",
        "word.contents",
    }


def test_the_source_is_read_well():
    """The reading of the source finds the keys that everyone knows: it is no empty net."""
    found = written_in_source()
    assert len({k for k in found if k.startswith("calculus.")}) >= 15
    assert {"section.weight", "group.chain", "group.over_paths", "group.one_path", "title.weight"} <= found
    assert {"calculus.constant", "calculus.power_chain", "calculus.arithmetic", "calculus.erf"} <= found
    assert len(rules.RULES) >= 15


# ---------------------------------------------------------------- every key, every placeholder


@pytest.mark.parametrize("language", languages())
def test_every_key_the_code_can_produce_exists(language):
    """A section, group, rule, calculus, board or hypothesis key without words cannot reach a reader."""
    assert sorted(producible() - set(messages(language))) == []


def test_no_message_is_dead():
    """Every message is one that the code can ask for; what nothing asks for is removed."""
    assert sorted(set(messages("en")) - producible()) == []


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_keys_of_english(language):
    assert sorted(messages(language)) == sorted(messages("en"))


@pytest.mark.parametrize("language", [lang for lang in languages() if lang != "en"])
def test_languages_agree_on_placeholders(language):
    """A translation speaks of the same things as the English: it leaves nothing out and adds nothing."""
    english, other = messages("en"), messages(language)
    different = {
        key: (sorted(placeholders(english[key])), sorted(placeholders(other[key])))
        for key in english
        if key in other and placeholders(english[key]) != placeholders(other[key])
    }
    assert different == {}


@pytest.mark.parametrize("language", languages())
def test_every_placeholder_is_supplied(language):
    """Wherever a message is asked for, the derivation gives it all the arguments its text names."""
    texts = messages(language)
    missing = {
        key: sorted(placeholders(texts[key]) - given)
        for key, uses in asked().items()
        for given in uses
        if key in texts and placeholders(texts[key]) - given
    }
    assert missing == {}


@pytest.mark.parametrize("language", languages())
def test_reasons_and_words_stand_alone(language):
    """What stands beside an equation takes no arguments."""
    for key, text in messages(language).items():
        if key.split(".")[0] in ("rule", "calculus", "board", "word"):
            assert placeholders(text) == set(), key


def test_arguments_are_what_a_format_can_write():
    """An expression, a word, a number or several expressions: nothing else reaches a message."""
    from sympy import Expr

    derivation = derive(Network.dense([2, 3, 2], bias="node")).derivation
    todo = list(derivation.sections)
    values: list[Argument] = [v for _, args in derivation.hypotheses for v in args.values()]
    while todo:
        item = todo.pop()
        values.extend(item.args.values())
        todo.extend(getattr(item, "items", ()))
    assert values
    for value in values:
        assert isinstance(value, (Expr, str, int)) or all(isinstance(v, Expr) for v in value)


# ---------------------------------------------------------------- how they read


@pytest.mark.parametrize("language", languages())
def test_messages_are_words_only(language):
    """No markup, no stray blank, no unbalanced brace: each format adds its own."""
    for key, text in messages(language).items():
        bare = PLACEHOLDER.sub("", text)
        assert text == text.strip(), key
        assert "  " not in text, key
        assert not re.search(r"[\\$`*_#|<{}\n]", bare), f"{key}: {text}"
        assert bare.count("(") == bare.count(")"), key
        assert text, key


#: What may follow a formula directly: nothing here depends on how the formula is read aloud.
AFTER_A_FORMULA = (
    "의",
    "에",
    "까지",
    "부터",
    "마다",
    "도",
    "만",
    "번",
    "개",
    "배",
    "절",
    "층",
    "처럼",
    "보다",
    "째",
)
CHOICES = re.compile(
    r"을\(를\)|를\(을\)|이\(가\)|가\(이\)|은\(는\)|는\(은\)|와\(과\)|과\(와\)|\(으\)로|\(이\)"
)


def test_korean_particles_do_not_depend_on_how_a_formula_is_read():
    """은/는, 이/가, 을/를, 와/과, (으)로 need to know the last sound of w₃₁; no message says them after one.

    Nor does one offer the choice: 을(를) is what a form letter says.
    """
    wrong = {
        key: text
        for key, text in messages("ko").items()
        if any(not after.startswith(AFTER_A_FORMULA) for after in re.findall(r"\}([가-힣]+)", text))
        or CHOICES.search(text)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "text", ["{w}는", "{w}를 옮긴다", "{net}을(를) 지난다", "{d}로 쓴다", "{d}으로", "{a}와", "{E}가"]
)
def test_the_particle_test_can_fail(text):
    after = re.findall(r"\}([가-힣]+)", text)
    assert any(not a.startswith(AFTER_A_FORMULA) for a in after) or CHOICES.search(text)


def test_korean_is_korean_and_english_is_english():
    """No sentence was left untranslated."""
    for key, text in messages("ko").items():
        # What consists of arguments alone is no sentence.
        assert re.search("[가-힣]", text) or not re.search(r"\w", PLACEHOLDER.sub("", text)), key
        foreign = set(re.findall(r"[A-Za-z]{3,}", PLACEHOLDER.sub("", text))) - {"bias", "ReLU", "Coq", "SHA"}
        # Formats and programs are called by their names.
        assert not foreign or key.startswith("format."), f"{key}: {foreign}"
    for key, text in messages("en").items():
        assert text.isascii() or not re.search("[가-힣]", text), key


def test_the_particle_after_a_printed_formula():
    """The same in a finished document, whatever the templates do."""
    for weight in ("w31", "w11", "all"):
        shown = derive(Network.dense([2, 2, 2]), weight, lang="ko").markdown()
        assert re.findall(r"`\$(?:은|는|이|가|을|를|와|과|로|으로)(?![가-힣])", shown) == []
