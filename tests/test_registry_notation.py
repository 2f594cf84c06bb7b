"""Registries find a name by any usual spelling; a notation is a TOML file, checked in every part."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from backprop_symbolic import Network, derive
from backprop_symbolic import notation as notation_module
from backprop_symbolic.activations import activation, activations, board, formula, function_symbol
from backprop_symbolic.calculus import prime
from backprop_symbolic.errors import BackpropError, BadNotation, UnknownName, nearest, quoted, unknown
from backprop_symbolic.graph import dense
from backprop_symbolic.losses import losses
from backprop_symbolic.notation import FIELDS, OPTIONAL, ROLES, Place, builtin_names, notation
from backprop_symbolic.registry import Registry, spelling

# ---------------------------------------------------------------- registry


@dataclass(frozen=True)
class Thing:
    name: str


def things(*names: str) -> Registry[Thing]:
    found: Registry[Thing] = Registry("thing")
    for name in names:
        found.register(Thing(name))
    return found


@pytest.mark.parametrize("typed", ["leaky_relu", "Leaky-ReLU", "LEAKY RELU", "leakyrelu", "Leaky_Relu"])
def test_spelling_does_not_matter(typed):
    """Case, '-', '_' and blanks do not count."""
    assert things("leaky_relu").get(typed).name == "leaky_relu"
    assert typed in things("leaky_relu")


def test_entries_keep_their_order():
    """A registry lists what was registered, in that order."""
    found = things("c", "a", "b")
    assert found.names() == ["c", "a", "b"] == [thing.name for thing in found]
    assert len(found) == 3
    assert "d" not in found


def test_a_name_is_registered_once():
    """A second entry of the same spelling is a mistake of the programmer."""
    with pytest.raises(ValueError, match="thing 'A-b' is registered twice"):
        things("a_b").register(Thing("A-b"))


@pytest.mark.parametrize(
    ("registry", "typed", "meant"),
    [
        (activations, "sigmiod", "sigmoid"),
        (activations, "relu66", "relu6"),
        (activations, "leaky", "leaky_relu"),
        (losses, "half-sse2", "half_sse"),
        (losses, "crossentropi", "cross_entropy"),
        (activations, "swisch", "swish"),
    ],
)
def test_did_you_mean(registry, typed, meant):
    """An unknown name is answered with the nearest known one."""
    with pytest.raises(UnknownName, match=rf"no {registry.what} '{typed}'.*Did you mean '{meant}'\?$"):
        registry.get(typed)


def test_nothing_is_suggested_where_nothing_is_close():
    """A far-off name gets the list only."""
    with pytest.raises(UnknownName) as error:
        activations.get("zzzzzz")
    assert "Did you mean" not in str(error.value)
    assert all(name in str(error.value) for name in activations.names())
    assert nearest("qqq", ["abc"]) is None


def test_a_long_list_is_shortened_and_odd_text_is_shown():
    """At most 24 names; control characters visible; length bounded."""
    assert "… (100 in all)" in str(unknown("thing", "x", [f"name{i}" for i in range(100)]))
    message = str(unknown("thing", "a\nb\0" + "c" * 1_000, ["a"]))
    assert message.isprintable()
    assert len(message) < 200
    assert quoted("\n") == "'\\x0a'"


@pytest.mark.parametrize("entry", activations, ids=lambda entry: entry.name)
def test_every_activation_is_well_formed(entry):
    """Its formulas parse, its sign is there, its aliases lead to it and to no other."""
    assert formula(entry).free_symbols
    prime(entry)
    board(entry)
    assert entry.latex
    assert entry.sign
    for name in (entry.name, *entry.aliases, entry.name.upper()):
        assert activation(name) is entry
        assert str(function_symbol(name)) == entry.name
    claims = [spelling(n) for e in activations for n in (e.name, *e.aliases)]
    assert all(claims.count(spelling(n)) == 1 for n in (entry.name, *entry.aliases))


def test_an_unknown_activation_alias_is_refused_everywhere():
    """In a network and from Python alike."""
    with pytest.raises(UnknownName, match="Did you mean 'tanh'"):
        Network.dense([2, 2], "tanhh")
    with pytest.raises(UnknownName, match="no loss 'l2'"):
        Network.dense([2, 2], loss="l2")
    assert function_symbol("nothing") is None


# ---------------------------------------------------------------- notation

LECTURE = Path(notation_module.__file__).parent / "notations" / "lecture.toml"


def test_the_lecture_notation_comes_first():
    """It is the default."""
    assert builtin_names()[0] == "lecture"
    assert set(builtin_names()) == {"lecture", "layered", "mazur"}


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_notation_names_every_role_and_says_what_it_is(name):
    """Each role typed and written, in every language; a summary in English and Korean."""
    found = notation(name)
    assert found.name == name
    assert set(found.summary) == {"en", "ko"}
    place = Place(1, 1, 1, 1, 1, 1, "h1")
    for role in ROLES:
        assert found.typed(role, place).isidentifier()
        for language in ("en", "ko"):
            assert found.written(role, place, language)


def test_an_unknown_notation_is_refused_with_the_nearest():
    """And the message says that a file ends in .toml."""
    with pytest.raises(UnknownName, match=r"a file of your own ends in \.toml.*Did you mean 'lecture'\?"):
        notation("lectur")


def test_commas_stand_only_where_numbers_have_two_digits():
    """w<node><,><from_node>: w31, w10,3, w3,10."""
    lecture = notation("lecture")
    for place, name in [((3, 1), "w31"), ((10, 3), "w10,3"), ((3, 10), "w3,10"), ((12, 11), "w12,11")]:
        assert lecture.typed("weight", Place(node=place[0], from_node=place[1])) == name
        assert (
            lecture.written("weight", Place(node=place[0], from_node=place[1]), "en") == f"w_{{{name[1:]}}}"
        )


def file(folder: Path, change: tuple[str, str] | None = None, name: str = "own.toml") -> str:
    """The path of a copy of the lecture's notation with one change."""
    text = LECTURE.read_text(encoding="utf-8")
    if change is not None:
        assert change[0] in text
        text = text.replace(*change, 1)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_notation_of_ones_own(tmp_path):
    """A file names the quantities; the derivation is the same with other names."""
    path = file(tmp_path, ('weight = "w<node><,><from_node>"', 'weight = "theta<number>"'))
    graph = dense(Network.dense([2, 2, 2]), notation(path))
    assert [p.name for p in graph.parameters] == [f"theta{i}" for i in range(1, 9)]
    ours = derive(Network.dense([2, 2, 2]), "theta5", notation=path)
    theirs = derive(Network.dense([2, 2, 2]), "w31")
    assert ours.gradient == theirs.gradient


def test_a_language_of_ones_own(tmp_path):
    """A table [latex.de] writes German symbols; other languages keep [latex]."""
    path = file(tmp_path, ("[latex.ko]", "[latex.de]\nerror = 'F'\n[latex.ko]"))
    own = notation(path)
    assert own.written("error", Place(), "de") == "F"
    assert own.written("error", Place(), "en") == "E"
    assert own.written("net", Place(node=1), "de") == own.written("net", Place(node=1), "en")


BROKEN = [
    (("[typed]", "[type]"), "has no table [typed]"),
    (("[latex]", "[tex]"), "[latex] names no 'input'"),  # [latex.ko] is left
    (('rate = "eta"\n', ""), "[typed] names no 'rate'"),
    (("rate = '\\eta'\n", ""), "[latex] names no 'rate'"),
    (('rate = "eta"', 'rate = "eta"\nspeed = "v"'), "[typed] speed = 'v' is for no known role"),
    (('rate = "eta"', "rate = 3"), "[typed] rate = '3' is not a text"),
    (('rate = "eta"', 'rate = ""'), "[typed] rate = '' is not a text"),
    (('rate = "eta"', 'rate = "1eta"'), "is not a name of letters, digits and '_'"),
    (('rate = "eta"', 'rate = "e-ta"'), "is not a name of letters, digits and '_'"),
    (('rate = "eta"', 'rate = "<index>"'), "is not a name of letters, digits and '_'"),
    (('input = "x<index>"', 'input = "x<idx>"'), "has the unknown field <idx>"),
    (("rate = '\\eta'", "rate = '\\input{/etc/passwd}'"), "uses \\input, which a name may not"),
    (("rate = '\\eta'", "rate = '\\write18{ls}'"), "uses \\write, which a name may not"),
    (("rate = '\\eta'", "rate = '\\eta $x$'"), "holds a character that a name may not"),
    (("rate = '\\eta'", "rate = 'a%b'"), "holds a character that a name may not"),
    (("rate = '\\eta'", "rate = 'a&b'"), "holds a character that a name may not"),
    (("rate = '\\eta'", "rate = 'a_{b'"), "has braces that do not match"),
    (("rate = '\\eta'", "rate = 'a}{b'"), "has braces that do not match"),
    (("part = '\\text{오차}_{o<index>}'", "part = '\\def\\x{}'"), "uses \\def, which a name may not"),
    (("[typed]", "[typed"), "is not TOML"),
]


@pytest.mark.parametrize(("change", "says"), BROKEN, ids=[says[:30] for _, says in BROKEN])
def test_each_kind_of_broken_notation_is_refused(change, says, tmp_path):
    """One line that names the file, the entry and what is wrong with it."""
    path = file(tmp_path, change)
    with pytest.raises(BadNotation, match=re.escape(says)) as error:
        notation(path)
    assert str(error.value).isprintable()
    assert quoted(path) in str(error.value)


def test_a_notation_file_that_cannot_be_read_is_refused(tmp_path):
    """Missing, a folder, not UTF-8."""
    with pytest.raises(BadNotation, match="No such file"):
        notation(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(BadNotation, match="Is a directory"):
        notation(str(tmp_path / "folder.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(BadNotation, match="is not TOML"):
        notation(str(tmp_path / "binary.toml"))


@pytest.mark.parametrize(
    "change",
    [
        ('input = "x<index>"', 'input = "x"'),
        ('hidden = "y_h<node>"', 'hidden = "net_<node>"'),
        ('weight = "w<node><,><from_node>"', 'weight = "w<node>"'),
        ('weight = "w<node><,><from_node>"', 'weight = "x<node>"'),
        ('rate = "eta"', 'rate = "E"'),
        ('delta_output = "delta_o<index>"', 'delta_output = "delta_h<index>"'),
    ],
)
def test_two_quantities_of_one_name_are_refused(change, tmp_path):
    """A notation that cannot tell quantities apart is refused when the network is built."""
    with pytest.raises(BadNotation, match="gives two quantities of a 2-2-2 network the same name"):
        dense(Network.dense([2, 2, 2]), notation(file(tmp_path, change)))


def test_two_quantities_written_alike_are_refused(tmp_path):
    """Different names with the same LaTeX would make a derivation that says nothing."""
    path = file(tmp_path, ("input = 'x_{<index>}'", "input = 'y_{h<index>}'"))
    with pytest.raises(BackpropError):
        derive(Network.dense([2, 2, 2]), "w31", notation=path)


def test_a_weight_name_without_comma_collides_in_a_wide_network(tmp_path):
    """w<node><from_node> without <,> names w1,11 and w11,1 alike: refused there, fine in small nets."""
    own = notation(file(tmp_path, ('weight = "w<node><,><from_node>"', 'weight = "w<node><from_node>"')))
    assert dense(Network.dense([2, 2, 2]), own).parameters
    with pytest.raises(BadNotation, match="w111"):
        dense(Network.dense([12, 12]), own)


def test_the_documentation_of_the_fields_is_complete():
    """Every field is explained in the module's docstring."""
    for field in FIELDS:
        assert f"<{field}>" in (notation_module.__doc__ or "")


def test_the_shipped_files_are_valid_toml_with_nothing_unknown():
    """Only the tables that are read."""
    for path in LECTURE.parent.glob("*.toml"):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        assert set(data) <= {"name", "summary", "typed", "latex"}
        assert set(data["typed"]) == set(ROLES) | set(OPTIONAL)
