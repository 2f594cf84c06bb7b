"""Markdown as its readers see it: each dialect is rendered by its own program, and read back."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html import escape
from itertools import product
from pathlib import Path

import pytest
import tools
from commands import run
from every_block import LABELS, SVG, every_block
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mathematics import (
    displays_in_markdown,
    equations,
    latex_equations,
    markdown_equations,
    notebook_equations,
    rows,
    sentences,
    squeezed,
)
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sympy import Symbol

from backprop_symbolic import derive, read
from backprop_symbolic.document import Bullets, Document, Heading, Message, Note, Paragraph, Table, document
from backprop_symbolic.render import Options, formats, write_document
from backprop_symbolic.rendering.markdown import DIALECTS, as_text, quoted, slug
from backprop_symbolic.wording import own_templates

HOSTILE = "parameters: w_1 _ __ w_a_b frac 가중치\nnet = w_1*x_1 + _*x_12 + __*x_1 + w_a_b + 가중치*frac\nE = (t1 - net)**2"
LANGS = ("en", "ko")


# ---------------------------------------------------------------- documents


@cache
def written(name: str, language: str, dialect: str) -> tuple[Document, dict[Symbol, str], str]:
    """A document, the LaTeX of its names, and its Markdown."""
    if name == "every block":
        whole, names = every_block(language)
    else:
        derived = {
            "w31": lambda: derive("2-2-2", "w31"),
            "all": lambda: derive("2-2-2", "all"),
            "names": lambda: derive(read(HOSTILE), "all"),
        }[name]().derivation
        whole, names = document(derived), derived.graph.written(language)
    text = write_document(whole, "markdown", names, Options(language, dialect=dialect)).content
    return whole, names, text


DOCUMENTS = list(product(("w31", "all", "names", "every block"), LANGS))


# ---------------------------------------------------------------- what a reader makes of Markdown


@dataclass
class Seen:
    """What one reader saw: formulas in sentences and displayed, the text without them, links and targets."""

    inline: list[str] = field(default_factory=list)
    displayed: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    programs: list[str] = field(default_factory=list)
    front: dict = field(default_factory=dict)

    def has(self, label: str) -> bool:
        """Whether a label stands in the text; typographic quotes and dots are the reader's taste."""
        return flat(label) in flat("\n".join(self.texts))


def flat(text: str) -> str:
    for signs, plain in (("“”", '"'), ("‘’", "'"), ("…", "..."), ("\u00a0", " ")):
        text = re.sub(f"[{signs}]", plain, text)
    return " ".join(text.split())


#: What MathJax takes for mathematics in a finished page, piece of text by piece of text.
MATHJAX = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]|(\$\$.*?\$\$|\\begin\{)", re.DOTALL)
NOTHING = re.compile(r"(?!)")
#: Jupyter looks for single dollars too.
DOLLARS = re.compile(r"(?!)()()|(\$.*?\$|\\\(.*?\\\)|\\\[.*?\\\]|\\begin\{)", re.DOTALL)


def of_html(html: str, seen: Seen, finds: re.Pattern[str] = NOTHING) -> Seen:
    """What a browser sees. Elements i-math and d-math are mathematics, and so is what `finds` finds."""
    tree = tools.require("html5lib").parseFragment(html, treebuilder="dom")
    tree.normalize()

    def walk(node, tag: str) -> str:
        if node.nodeType == node.TEXT_NODE:
            if tag == "code":
                return node.data
            for match in finds.finditer(node.data):
                assert not match[3], f"mathematics by accident: {node.data!r}"
                (seen.inline if match[1] is not None else seen.displayed).append(match[1] or match[2])
            return finds.sub(" ", node.data)
        name = node.nodeName if node.nodeType == node.ELEMENT_NODE else ""
        if name in ("i-math", "d-math"):
            (seen.inline if name == "i-math" else seen.displayed).append(node.firstChild.data)
            return " "
        if name:
            seen.tags.add(name)
            at = dict(node.attributes.items())
            seen.targets |= {at["id"]} if "id" in at else set()
            if name == "a":
                seen.links.append(at["href"])
            if name == "img":
                seen.pictures.append((at["src"], at["alt"]))
        inner = "".join(walk(child, name or tag) for child in node.childNodes)
        if name == "pre":
            seen.programs.append(inner)
        elif name in ("p", "li", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6"):
            seen.texts.append(inner)
        else:
            return inner
        return ""

    seen.texts.append(walk(tree, ""))
    return seen


def by_kramdown(sources: list[str]) -> list[Seen]:
    """Liquid, then kramdown, as Jekyll does; one start of Ruby for all."""
    ruby = tools.program("ruby")
    script = Path(__file__).parent / "kramdown.rb"
    done = subprocess.run(
        [ruby, script], input=json.dumps(sources).encode(), capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    found = []
    for post in json.loads(done.stdout):
        assert post["warnings"] == []
        found.append(of_html(post["html"], Seen(front=post["front"] or {}), MATHJAX))
    return found


def by_markdown_it(sources: list[str], finds: re.Pattern[str] = NOTHING) -> list[Seen]:
    """CommonMark with tables and dollars, as GitHub and Obsidian have it."""
    reader = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .use(dollarmath_plugin, allow_space=False, allow_digits=False)
    )
    for rule, tag in (("math_inline", "i-math"), ("math_block", "d-math")):
        reader.add_render_rule(
            rule,
            lambda self, tokens, i, *_, tag=tag: f"<{tag}>{escape(tokens[i].content.strip('`'))}</{tag}>",
        )
    return [of_html(reader.render(source), Seen(), finds) for source in sources]


def by_jupyter(sources: list[str]) -> list[Seen]:
    """The same, with MathJax looking for dollars in the finished page."""
    return by_markdown_it(sources, DOLLARS)


def by_myst(sources: list[str]) -> list[Seen]:
    """MyST's own parser, through docutils."""
    tools.require("myst_parser")
    from docutils import nodes
    from docutils.core import publish_doctree
    from myst_parser.parsers.docutils_ import Parser

    found = []
    for source in sources:
        settings = {"report_level": 2, "halt_level": 2, "doctitle_xform": False, "embed_stylesheet": False}
        tree = publish_doctree(source, parser=Parser(), settings_overrides=settings)
        assert not list(tree.findall(nodes.problematic))
        seen = Seen()
        for told in list(tree.findall(nodes.system_message)):
            assert "Duplicate implicit target name" in told.astext()  # two headings of one text
            told.parent.remove(told)
        for node in tree.findall():
            seen.tags.add(node.tagname)
            if isinstance(node, nodes.Element):
                seen.targets |= set(node.get("ids", ()))
            if isinstance(node, nodes.math):
                seen.inline.append(node.astext())
            elif isinstance(node, nodes.math_block):
                seen.displayed.append(node.astext())
            elif isinstance(node, nodes.reference):
                seen.links.append("#" + node["refid"] if "refid" in node else node["refuri"])
            elif isinstance(node, nodes.image):
                seen.pictures.append((node["uri"], node["alt"]))
            elif isinstance(node, nodes.literal_block):
                seen.programs.append(node.astext())
            elif isinstance(node, (nodes.paragraph, nodes.title, nodes.caption)):
                inner = [c for c in node.findall(nodes.Text) if not isinstance(c.parent, nodes.math)]
                seen.texts.append("".join(inner))
        found.append(seen)
    return found


def by_pandoc(sources: list[str]) -> list[Seen]:
    """Pandoc's Markdown, which is Quarto's."""
    found = []
    for source in sources:
        done = subprocess.run(
            [tools.program("pandoc"), "-f", "markdown", "-t", "json"],
            input=source.encode(), capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        tree, seen = json.loads(done.stdout), Seen()
        seen.front = {k: _inlines(v, Seen()) for k, v in tree["meta"].items()}
        for node in tree["blocks"]:
            seen.texts.append(_inlines(node, seen))
        found.append(seen)
    return found


SPACED = {"Space": " ", "SoftBreak": " ", "LineBreak": " "}


def _inlines(node: object, seen: Seen) -> str:
    """The text of a node of pandoc's tree; what else there is goes into `seen`."""
    if isinstance(node, list):
        return "".join(_inlines(child, seen) for child in node)
    if not isinstance(node, dict):
        return ""
    kind, content = node.get("t"), node.get("c")
    seen.tags.add(kind)
    if kind in SPACED:
        return SPACED[kind]
    if kind == "Str":
        return content
    if kind == "Math":
        (seen.inline if content[0]["t"] == "InlineMath" else seen.displayed).append(content[1])
        return " "
    if kind in ("Header", "Div", "Span"):
        seen.targets.add(content[1 if kind == "Header" else 0][0])
    if kind == "Link":
        seen.links.append(content[2][0])
    if kind == "Image":
        seen.pictures.append((content[2][0], dict(content[0][2])["fig-alt"]))
    if kind == "CodeBlock":
        seen.programs.append(content[1])
        return ""
    if kind == "Quoted":
        mark = {"SingleQuote": "'", "DoubleQuote": '"'}[content[0]["t"]]
        return mark + _inlines(content[1], seen) + mark
    inner = _inlines(list(node.values()) if kind is None else content, seen)
    return inner + "\n" if kind in ("Para", "Plain", "Header") else inner


READERS = {
    "github": by_markdown_it,
    "jekyll": by_kramdown,
    "myst": by_myst,
    "quarto": by_pandoc,
    "obsidian": by_markdown_it,
    "jupyter": by_jupyter,
}


def test_every_dialect_has_a_reader():
    """A new dialect needs an entry here, and all tests below read it."""
    assert list(READERS) == list(DIALECTS) == list(formats.get("markdown").dialects)


@cache
def read_by(dialect: str) -> dict[tuple[str, str], Seen]:
    """Every document as the dialect's own program sees it."""
    sources = [written(name, language, dialect)[2] for name, language in DOCUMENTS]
    return dict(zip(DOCUMENTS, READERS[dialect](sources), strict=True))


EACH = pytest.mark.parametrize("dialect", DIALECTS)
ALL = pytest.mark.parametrize(("name", "language"), DOCUMENTS)


# ---------------------------------------------------------------- mathematics


@ALL
@EACH
def test_the_reader_sees_the_documents_mathematics(dialect, name, language):
    """Each formula in a sentence and each equation of a display, in order; none more, none less."""
    whole, names, _ = written(name, language, dialect)
    seen = read_by(dialect)[name, language]
    heading = not DIALECTS[dialect].front  # else the title is in the front matter
    assert [squeezed(f) for f in seen.inline] == sentences(whole, names, language, title=heading)
    assert equations(seen.displayed) == rows(whole, names, language)
    assert rows(whole, names, language)


@ALL
@EACH
def test_what_is_written_reads_the_same_without_a_program(dialect, name, language):
    """The displays by their fences alone, as the tests of other formats find them."""
    whole, names, text = written(name, language, dialect)
    assert markdown_equations(text, dialect) == rows(whole, names, language)


@ALL
@EACH
def test_lines_of_mathematics_are_safe(dialect, name, language):
    """No line begins with a sign of a list, a heading or a quotation, none is blank, no bar, no \\( \\)."""
    _, _, text = written(name, language, dialect)
    lines, (opening, closing) = text.split("\n"), DIALECTS[dialect].display
    found = displays_in_markdown(text, dialect)
    assert found
    for line in "\n".join(found).split("\n"):
        assert line.strip()
        assert not re.match(r"\s*(?:[-+#>*]|=\s*$|\d+[.)]\s)", line), line
        assert "|" not in line
        assert not re.search(r"\\[\[\]()]", line)
    for i, line in enumerate(lines):
        if line == opening and opening != closing:
            assert lines[i - 1] == "" or re.fullmatch(r"\(\S+\)=", lines[i - 1])


@pytest.mark.parametrize(
    "dialect", [d.name for d in DIALECTS.values() if d.inline[0] != d.inline[1] or d.inline[0] == "$"]
)
@pytest.mark.parametrize("language", LANGS)
def test_mathematics_touches_no_letter_before_it(dialect, language):
    """GitHub takes no $ right after a letter; nor does anybody need it."""
    _, _, text = written("every block", language, dialect)
    bare = re.sub(r"\$`.*?`\$|(?<![\\$])\$(?!\$)[^$\n]+\$|\{math\}`[^`]*`", "§", text)
    assert bare.count("§") > 10
    assert not re.search(r"[^\W\d_]§", bare)


def test_a_blank_parts_a_letter_from_mathematics(tmp_path):
    """Whatever a language's file says: {weight} after a letter gets a blank, in every dialect."""
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "en.toml").write_text(
        '[section]\nweight = "가중치{weight}의 식"\n', encoding="utf-8"
    )
    own = own_templates(tmp_path)
    whole = Document(
        Message("section.error"), (Paragraph(Message("section.weight", {"weight": Symbol("w")})),)
    )
    for dialect in DIALECTS:
        text = write_document(whole, "markdown", {}, Options(dialect=dialect, templates=own)).content
        assert f"가중치 {DIALECTS[dialect].inline[0]}w{DIALECTS[dialect].inline[1]}의 식" in text


def test_liquid_takes_nothing_from_mathematics():
    """Liquid takes {{ and {% for its own, and knows no escape: a blank parts them."""
    name = Symbol("w")
    names = {name: r"\mathrm{{w}}_{{{1}}}"}
    whole = Document(Message("section.error"), (Paragraph(Message("section.weight", {"weight": name})),))
    text = write_document(whole, "markdown", names, Options(dialect="jekyll")).content
    assert not re.search(r"\{[{%]", text)
    (seen,) = by_kramdown([text])
    assert [squeezed(f) for f in seen.inline] == [names[name]]


# ---------------------------------------------------------------- the same in every format


@pytest.mark.parametrize(("name", "language"), [d for d in DOCUMENTS if d[0] != "every block"])
def test_the_same_mathematics_in_every_format(name, language):
    """What the document holds, read out of LaTeX, of each dialect and of a notebook."""
    whole, names, _ = written(name, language, "github")
    expected, options = rows(whole, names, language), Options(language)
    assert latex_equations(write_document(whole, "latex", names, options).content) == expected
    assert notebook_equations(write_document(whole, "notebook", names, options).content) == expected
    for dialect in DIALECTS:
        assert markdown_equations(written(name, language, dialect)[2], dialect) == expected


# ---------------------------------------------------------------- labels are text

#: What a document itself is made of, by reader.
USUAL = {
    by_markdown_it: {"h1", "h2", "h3", "h4", "h5", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
                     "blockquote", "pre", "code", "img", "span"},
    by_jupyter: {"h1", "h2", "h3", "h4", "h5", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
                 "blockquote", "pre", "code", "img", "span"},
    by_kramdown: {"h2", "h3", "h4", "h5", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
                  "blockquote", "pre", "code", "img", "span", "a", "div"},
    by_myst: {"document", "section", "title", "paragraph", "#text", "math", "math_block", "bullet_list", "list_item",
              "enumerated_list", "table", "tgroup", "colspec", "thead", "tbody", "row", "entry", "note", "figure",
              "image", "caption", "literal_block", "inline", "reference", "target"},
    by_pandoc: {None, "Header", "Para", "Plain", "Str", "Space", "SoftBreak", "Math", "InlineMath", "DisplayMath",
                "BulletList", "OrderedList", "Decimal", "Period", "Table", "AlignLeft", "AlignCenter", "AlignRight",
                "AlignDefault", "ColWidthDefault", "ColWidth", "Div", "Span", "Link", "Image", "CodeBlock", "Quoted",
                "DoubleQuote", "SingleQuote"},
}  # fmt: skip


@EACH
@pytest.mark.parametrize("language", LANGS)
def test_labels_come_out_as_text(dialect, language):
    """<script>, \\write18, $$, |, _, {{, backticks and the like are read as they were typed."""
    seen = read_by(dialect)["every block", language]
    assert [label for label in LABELS if not seen.has(label)] == []
    assert seen.tags <= USUAL[READERS[dialect]]


PIECES = (
    *"\\`*_{}[]()<>#+-.!|$~^&:@=%'\"; ax1가", "$$", "{{", "{%", "%}", "}}", "](", "![", "<b>", "&lt;", "--", "==", "%%", "\\(",
    "\\)", "**", "`` ", ":x:", "{:", "{#", "\\|", "<!--", "-->", "1. ", "- ", "[^1]", "http://x.y", "\n",
)  # fmt: skip


def labels(count: int, seed: int) -> Iterator[str]:
    source = random.Random(seed)
    while count:
        text = "".join(source.choices(PIECES, k=source.randint(1, 9))).strip()
        if text.strip("\n "):
            count -= 1
            yield text


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """Templates of a user's whose sentences are the label alone, so that it also begins lines."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "messages").mkdir()
    (folder / "messages" / "en.toml").write_text('[hypothesis]\naliases = "{names}"\n', encoding="utf-8")
    return own_templates(folder)


@EACH
def test_any_label_is_text_wherever_it_stands(dialect, bare):
    """Random labels as title, heading, paragraph, item, remark and cell are read back sign by sign."""
    drawn = list(labels(150, 7))
    said = [Message("hypothesis.aliases", {"names": label}) for label in drawn]
    blocks: list = []
    for at in range(0, len(said), 6):
        a, b, c, d, e, f = said[at : at + 6]
        table = Table((e, e), ((f, e), (a, b)), "lr")
        blocks += [
            Heading(2, a),
            Paragraph(b),
            Bullets((c, d)),
            Note((d, c)),
            Bullets((b, a), ordered=True),
            table,
        ]
    whole = Document(said[0], tuple(blocks))
    (seen,) = READERS[dialect](
        [write_document(whole, "markdown", {}, Options(dialect=dialect, templates=bare)).content]
    )
    got = [flat(text).removeprefix("[!NOTE] ").removeprefix("[!note] ") for text in seen.texts]
    wanted = {flat(label) for label in drawn}
    assert not seen.inline
    assert not seen.displayed
    missing = [w for w in wanted if w not in got and w not in flat("\n".join(seen.texts))]
    assert missing == []
    assert seen.tags <= USUAL[READERS[dialect]]
    surplus = {t for text in got for t in text.split("\n")} - wanted - {""}
    assert READERS[dialect] is by_pandoc or surplus == set()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("- a", "&#45; a"), ("-a", "-a"), ("-0.5", "-0.5"), ("--", "&#45;-"), ("+++", "&#43;++"), ("= a", "= a"), ("::: {.x}", "&#58;:: {.x}"), ("1. a", "1&#46; a"), ("12) a", "12&#41; a"), ("1.5 a", "1.5 a"), ("=", "&#61;"),
        (": a", "&#58; a"), ("% a", "&#37; a"), ("(a)= b", "&#40;a)= b"), ("(a) b", "(a) b"), ("w-1", "w-1"), ("", ""),
        ("1234567890. a", "1234567890. a"),
    ],
)  # fmt: skip
def test_a_line_of_text_begins_no_block(line, shown):
    assert as_text(line) == shown


# ---------------------------------------------------------------- front matter


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_title_is_quoted_for_yaml(title):
    """Read back by a YAML reader it is the same text."""
    yaml = tools.require("yaml")
    assert yaml.safe_load(f"title: {quoted(title)}\nx: 1") == {"title": title, "x": 1}


def test_jekylls_front_matter_is_the_lectures():
    """layout, title, categories, author, meta; the title is plain text, and is not said twice."""
    seen = read_by("jekyll")["w31", "ko"]
    assert list(seen.front)[:5] == ["layout", "title", "categories", "author", "meta"]
    assert (seen.front["layout"], seen.front["author"]) == ("post", ["backprop-symbolic"])
    assert seen.front["title"] == "∂오차ₒᵤₜ/∂w₃₁ 유도하기"
    assert "h1" not in seen.tags


@pytest.mark.parametrize("dialect", ["jekyll", "quarto"])
def test_a_hostile_title_is_text_in_front_matter(dialect, bare):
    titles = [*LABELS, 'a "b" : c', "--- x", "a\n---\nlayout: evil"]
    sources = [
        write_document(
            Document(Message("hypothesis.aliases", {"names": title}), (Paragraph(Message("section.error")),)),
            "markdown", {}, Options(dialect=dialect, templates=bare),
        ).content
        for title in titles
    ]  # fmt: skip
    found = READERS[dialect](sources)
    assert [flat(seen.front["title"]) for seen in found] == [flat(title) for title in titles]
    assert {tuple(seen.texts) for seen in found} == {tuple(found[0].texts)}


# ---------------------------------------------------------------- links, pictures, programs


@pytest.mark.parametrize("dialect", [d.name for d in DIALECTS.values() if d.link])
@ALL
def test_delta_leads_to_its_definition(dialect, name, language):
    """Each link has a target in the document, one target for each name."""
    seen = read_by(dialect)[name, language]
    assert seen.links or name in ("w31", "names")
    assert {link.removeprefix("#") for link in seen.links} <= seen.targets
    assert all(link.startswith("#def-delta-") for link in seen.links)
    if name == "every block":
        assert "more" in seen.targets
        text = written(name, language, dialect)[2]
        before, after = DIALECTS[dialect].display_target
        mark = (before or after).strip().replace("<anchor>", slug("delta_o1"))
        assert text.count(mark) == 1


@EACH
def test_pictures_are_files_beside_the_text(dialect):
    """The reader finds the file by its name, with its text for who cannot see it."""
    whole, names = every_block()
    file = write_document(whole, "markdown", names, Options(dialect=dialect))
    assert dict(file.files) == {"path-w31.svg": SVG}
    ((source, alt),) = read_by(dialect)["every block", "en"].pictures
    assert source == "path-w31.svg"
    assert "δₒ₁" in alt
    assert not re.search(r"[\\$`]|math", alt)


@EACH
def test_programs_are_left_as_they_are(dialect):
    """A program with fences of its own, with {{ and {%, is read line by line as it was."""
    shell, python = read_by(dialect)["every block", "en"].programs
    assert shell.rstrip("\n") == "backprop derive --weight w31\n# {{ x }} {% y %}"
    assert python.rstrip("\n") == 'print("```", {"a": {1: 2}}, f"{{x}}")'


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("dialect", ["jekyll", "quarto"])
def test_the_command_writes_the_dialect(dialect):
    """derive --dialect prints what the library writes."""
    outcome = run("--weight", "w31", "--format", "markdown", "--dialect", dialect)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == derive("2-2-2", "w31").markdown(dialect=dialect)
    assert outcome.out == written("w31", "en", dialect)[2]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--format", "latex", "--dialect", "jekyll"), "--dialect goes with --format markdown, not latex"),
        (("--format", "notebook", "--dialect", "github"), "--dialect goes with --format markdown, not notebook"),
        (
            ("--format", "markdown", "--dialect", "jekyl"),
            "no dialect 'jekyl' of markdown. Known: github jekyll myst quarto obsidian jupyter. Did you mean 'jekyll'?",
        ),
        (("--format", "markdown", "--dialect", ""), "no dialect '' of markdown. Known: github jekyll myst quarto obsidian jupyter."),
    ],
)  # fmt: skip
def test_a_wrong_dialect_is_refused_by_name(args, says):
    outcome = run("--weight", "w31", *args)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"Error: {says}\n")


def test_text_shows_every_block():
    """Numbers before ordered items, a line beside remarks, a picture's words, columns where they belong."""
    whole, names = every_block()
    lines = write_document(whole, "text", names).content.split("\n")
    assert any(line.startswith("│ ") and "δₒ₁" in line for line in lines)
    assert any(line.startswith("2. ") for line in lines)
    assert any(line.startswith("[") and line.endswith("]") and "δₒ₁" in line for line in lines)
    assert "    backprop derive --weight w31" in lines
    head = next(i for i, line in enumerate(lines) if line.startswith("    The error"))
    first, second = lines[head + 1 : head + 3]
    assert first.startswith("    δₒ₁")
    assert second.startswith("    w₃₁")
    assert first.endswith("E")
    assert second.endswith("δₒ₁")
