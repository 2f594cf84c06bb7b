"""`backprop notes`: a folder with the documents, their pictures and an index."""

from __future__ import annotations

import json
import re
from pathlib import Path

import html5lib
import pytest
from commands import process, run

from backprop_symbolic.folder import LIST
from backprop_symbolic.render import formats

SMALL = ("--network", "1-1-1", "--parts", "introduction,derivation")


def notes(*args: str | Path, **more):
    return run("notes", *args, command="backprop", **more)


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One folder with two formats in two languages."""
    folder = tmp_path_factory.mktemp("notes") / "made"
    found = notes(*SMALL, "--format", "markdown,html", "--lang", "en,ko", "-o", folder)
    assert (found.code, found.err) == (0, "")
    return folder, found.out


def test_the_folder_holds_documents_pictures_and_an_index(written):
    folder, out = written
    names = set(everything(folder))
    assert {"notes.md", "notes.ko.md", "notes.html", "notes.ko.html", "index.html", LIST} <= names
    for name in ("notes.md", "notes.ko.md"):
        text = (folder / name).read_text(encoding="utf-8")
        pictures = re.findall(r"!\[[^\]]+\]\(([^)]+\.svg)\)", text)
        assert pictures
        assert set(pictures) <= names
        assert all((".ko." in picture) == (".ko." in name) for picture in pictures)
    said = {line.split()[0] for line in out.splitlines()}
    assert said == {"written"}
    assert {Path(line.split(maxsplit=1)[1]).name for line in out.splitlines()} == {
        Path(n).name for n in names - {"index.html", LIST}
    }


def test_the_index_leads_to_everything(written):
    """A valid page; every document and picture is linked, with its title."""
    folder, _ = written
    page = (folder / "index.html").read_text(encoding="utf-8")
    html5lib.HTMLParser(strict=True).parse(page)
    links = set(re.findall(r'href="([^"]+)"', page))
    documents = {"notes.md", "notes.ko.md", "notes.html", "notes.ko.html"}
    assert {link for link in links if not link.endswith(".svg")} == documents
    pictures = {link for link in links if link.endswith(".svg")}  # those of the index's own language
    assert pictures == {n for n in everything(folder) if n.endswith(".svg") and ".ko." not in n}
    assert page.count("<img") == len(pictures) > 0
    assert 'alt=""' not in page
    assert "$" not in page
    assert "{" not in page.partition("</style>")[2]


def test_a_second_run_writes_nothing(written):
    folder, _ = written
    before = everything(folder)
    found = notes(*SMALL, "--format", "html,markdown", "--lang", "ko,en", "-o", folder)
    assert (found.code, found.err) == (0, "")
    assert {line.split()[0] for line in found.out.splitlines()} == {"unchanged"}
    after = everything(folder)
    index = ("index.html", LIST)  # in the language that is named first
    assert set(after) == set(before)
    assert {n: found for n, found in after.items() if n not in index} == {
        n: found for n, found in before.items() if n not in index
    }


def test_what_is_foreign_stays(tmp_path):
    """A file in the way is named, nothing is written; with --force it is replaced."""
    (tmp_path / "notes.md").write_text("mine", encoding="utf-8")
    before = everything(tmp_path)
    args = (*SMALL, "--no-pictures", "--format", "markdown", "-o", tmp_path)
    found = notes(*args)
    assert (found.code, found.out) == (2, "")
    assert re.fullmatch(
        r"Error: 'notes\.md' in '.+' is not one that this program wrote; --force replaces it\n", found.err
    )
    assert everything(tmp_path) == before
    assert notes(*args, "--force").code == 0
    assert (tmp_path / "notes.md").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--format", "htlm"), "no format 'htlm'. Known: .* Did you mean 'html'?"),
        (("--format", "json"), "no format 'json' of notes. Known: "),
        (("--format", "html", "--dialect", "myst"), "--dialect myst goes with "),
        (("--format", "markdown", "--dialect", "mist"), "no dialect 'mist' .* Did you mean 'myst'?"),
        (("--lang", "kr"), "no language 'kr'. Known: en ko. Did you mean 'ko'?"),
        (("--parts", "derivaton"), "no part of the notes 'derivaton'. Known: .* Did you mean 'derivation'?"),
        (("--weight", "w99"), "no weight 'w99' in a 2-2-2 network."),
        (("--detail", "all"), "no detail 'all'. Known: brief normal full."),
        (("--network", "2-0-2"), ".*2-0-2"),
        (("--template-dir", "/nowhere"), "template folder '/nowhere': there is no such folder"),
        (("--engine", "pdftex", "--format", "pdf"), "no .*engine 'pdftex'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(tmp_path, args, says):
    """One line, exit code 2, and no folder is left behind."""
    found = notes(*args, "-o", tmp_path / "new")
    assert found.code == 2
    assert re.match("Error: " + says.replace("?", r"\?"), found.err), found.err
    assert found.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_must_be_named():
    found = notes()
    assert (found.code, found.out) == (2, "")
    assert "--output" in found.err


def test_hostile_text_comes_out_as_text(tmp_path):
    """A title with markup of every format is text in each of them, and in the index."""
    title = r"<script>alert(1)</script> \write18{ls} $$x$$ a|b_c #d% {{e}} `f` *g*"
    wanted = [f.name for f in formats if f.document is not None and f.name != "pdf"]
    args = (
        "--network",
        "1-1",
        "--parts",
        "introduction",
        "--no-pictures",
        "--title",
        title,
        "--author",
        title,
    )
    found = notes(*args, "--format", ",".join(wanted), "-o", tmp_path)
    assert (found.code, found.err) == (0, "")
    for path in tmp_path.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "&lt;script&gt;" in text
    assert json.loads((tmp_path / LIST).read_text())["files"]["notes.html"]["title"] == title


def test_progress_is_shown_on_a_terminal_only(tmp_path):
    """stderr that is no terminal stays empty; on a terminal the last line says what is being written."""
    script = Path(run.__globals__["SCRIPTS"]) / "backprop"
    command = (
        f"{script} notes --network 1-1 --parts introduction --no-pictures --format text -o {tmp_path / 'x'}"
    )
    seen = process(["script", "-qec", command, "/dev/null"])
    assert seen.code == 0
    assert "notes.txt …" in seen.out


def test_a_language_of_ones_own_reaches_the_pictures(tmp_path):
    """One message file is enough for the whole folder, legends and captions included."""
    ours = Path(__file__).resolve().parent.parent / "templates" / "messages" / "en.toml"
    text = ours.read_text(encoding="utf-8")
    assert 'common = "common to all paths"' in text
    own = tmp_path / "own"
    (own / "messages").mkdir(parents=True)
    text = text.replace('common = "common to all paths"', 'common = "κοινά"')
    (own / "messages" / "el.toml").write_text(text, encoding="utf-8")
    args = ("--network", "1-1-2", "--parts", "derivation", "--lang", "el", "--template-dir", own)
    found = notes(*args, "--format", "markdown", "-o", tmp_path / "made")
    assert (found.code, found.err) == (0, "")
    assert "κοινά" in (tmp_path / "made" / "path-w11.el.svg").read_text(encoding="utf-8")
