"""A folder of the user's overrides templates and sentences by name, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from backprop_symbolic import api
from backprop_symbolic.errors import BackpropError
from backprop_symbolic.render import Options, formats, messages, rendered
from backprop_symbolic.wording import own_templates, template_names


@pytest.fixture(scope="module")
def derivation():
    return api.derive("1-1", "w11").derivation


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return own_templates(tmp_path)


def test_one_sentence_is_changed(tmp_path, derivation):
    """The rest of the document stays as it was."""
    ours = rendered(derivation, "markdown").content
    own = folder(tmp_path, **{"messages/en.toml": '[group]\nproduct = "Multiply the three:"\n'})
    theirs = rendered(derivation, "markdown", Options(templates=own)).content
    assert theirs == ours.replace(messages("en")["group.product"], "Multiply the three:")
    assert theirs != ours


def test_a_template_is_replaced(tmp_path, derivation):
    own = folder(
        tmp_path,
        **{"latex/fragment.tex": "% mine\n<< title >>\n<% include '_part.txt' %>", "_part.txt": "part"},
    )
    assert rendered(derivation, "latex", Options(templates=own)).content.startswith("% mine\nDerivation of $")


def test_a_language_is_one_file(tmp_path, derivation):
    """All messages under another name make another language; one left out is named."""
    import tomllib

    source = Path(api.__file__).parent.parent / "templates" / "messages" / "en.toml"
    text = source.read_text(encoding="utf-8").replace('language = "English"', 'language = "Ελληνικά"')
    own = folder(tmp_path, **{"messages/el.toml": text})
    assert (
        rendered(derivation, "text", Options("el", templates=own)).content
        == rendered(derivation, "text").content
    )
    assert tomllib.loads(text)["word"]["language"] == "Ελληνικά"
    other = tmp_path / "other"
    own = folder(other, **{"messages/fr.toml": '[word]\nlanguage = "français"\n'})
    with pytest.raises(
        BackpropError,
        match=r"'fr\.toml' of the template folder is a new language and lacks \d+ of \d+ messages, the first is 'word\.otherwise'",
    ):
        messages("fr", own)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"latex/fragmnt.tex": ""}, "no template 'latex/fragmnt.tex' in .* Did you mean 'latex/fragment.tex'?"),
        ({"messages/en.toml": '[group]\nprodukt = "x"'}, "no message 'group.produkt' in .* Did you mean 'group.product'?"),
        ({"messages/en.toml": "[group]\nproduct = {a"}, "'en.toml' of the template folder cannot be read: "),
        ({"messages/en.toml": "group = 1"}, "'en.toml' of the template folder cannot be read: "),
        ({"messages/en.toml": "[group]\nproduct = 1"}, "group.product is not text"),
        ({"messages/en.toml": '[group]\nproduct = "{weigth}"'}, "group.product speaks of {weigth}; it is told nothing"),
        ({"messages/en.toml": '[section]\nupdate = "{w}"'}, "section.update speaks of {w}; it is told {weight}"),
        ({"markdown/document.md": "a\n<% if %>"}, "template 'markdown/document.md', line 2: "),
        ({"markdown/document.md": "a\n\n<< nothing >>"}, "template 'markdown/document.md', line 3: 'nothing' is undefined"),
        ({"markdown/document.md": "<< 1 // 0 >>"}, "template 'markdown/document.md', line 1: .*zero"),
        ({"markdown/document.md": "<< title.__class__.__mro__ >>"}, "template 'markdown/document.md', line 1: .*unsafe"),
        ({"markdown/document.md": "<< ''.__class__ >>"}, "template 'markdown/document.md', line 1: .*unsafe"),
        ({"markdown/document.md": "<% include '/etc/passwd' %>"}, "template 'markdown/document.md', line 1: "),
        ({"markdown/document.md": "<% include '../../../../../etc/passwd' %>"}, "template 'markdown/document.md', line 1: "),
        ({"markdown/document.md": "<% for x in range(10 ** 9) %><% endfor %>"}, "template 'markdown/document.md', line 1: .*[Rr]ange"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path, derivation, files, says):
    with pytest.raises(BackpropError, match=says.replace("?", r"\?").replace("{", r"\{")):
        rendered(derivation, "markdown", Options(templates=folder(tmp_path, **files)))


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(BackpropError, match="there is no such folder"):
        own_templates(tmp_path / "nowhere")


def test_every_template_can_be_overridden(tmp_path, derivation):
    """A copy of all our templates changes nothing, in any format."""
    ours = Path(api.__file__).parent.parent / "templates"
    own = folder(tmp_path, **{name: (ours / name).read_text(encoding="utf-8") for name in template_names()})
    for format_ in formats:
        options = Options(standalone=format_.name == "latex")
        theirs = Options(standalone=options.standalone, templates=own)
        assert (
            rendered(derivation, format_.name, theirs).data
            == rendered(derivation, format_.name, options).data
        )
