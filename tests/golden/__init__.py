"""Golden examples and the samples in output/: which there are, and how each is written.

    python -m tests.golden          writes all of them anew, removes what is no longer listed
    python -m tests.golden --check  names what would change and exits with 1

One file is one derivation, to be read as prose. Both directories come from the tables below and
from nothing else; `tests/test_golden.py` holds them current.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import unified_diff
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN, OUTPUT = ROOT / "tests" / "golden", ROOT / "output"

SHARED = """\
# One weight, w, used twice: a small recurrent step.
net1 = w*x1 + 1
h1 = tanh(net1)
net2 = w*h1 + 1
o1 = sigmoid(net2)
E = 1/2*(t1 - o1)**2
"""


@dataclass(frozen=True)
class Example:
    """One derivation and how it is shown."""

    weight: str
    format: str
    language: str = "en"
    detail: str = "normal"
    network: str = "2-2-2"
    notation: str = "lecture"
    bias: str = "1"
    graph: str = ""
    activation: str = "sigmoid"
    loss: str = "half_sse"
    l2: str = ""
    numbers: str = ""
    standalone: bool = False

    def text(self) -> str:
        """What `derive` prints."""
        from backprop_symbolic import Network, derive, read

        if self.graph:
            network = read(self.graph)
            result = derive(network, self.weight, lang=self.language, detail=self.detail)
        else:
            sizes = [int(n) for n in self.network.split("-")]
            result = derive(
                Network.dense(sizes, self.activation.split(","), self.loss, self.bias, l2=self.l2),
                self.weight,
                notation=self.notation,
                lang=self.language,
                detail=self.detail,
            )
        if self.numbers:
            from backprop_symbolic.numeric.substitute import with_numbers
            from backprop_symbolic.numeric.values import example, resolve

            result = with_numbers(result, resolve(result.graph, [example(self.numbers)]))
        return result.render(self.format, standalone=self.standalone)

    def command(self, name: str) -> str:
        """The command that prints it."""
        standard = Example("", "latex")
        options = [f"derive --weight {self.weight}"]
        for option, field in (
            ("--network", "network"), ("--activation", "activation"), ("--loss", "loss"), ("--l2", "l2"),
            ("--bias", "bias"), ("--notation", "notation"), ("--lang", "language"),
            ("--detail", "detail"), ("--format", "format"), ("--example", "numbers"),
        ):  # fmt: skip
            if getattr(self, field) != getattr(standard, field):
                options.append(f"{option} {getattr(self, field)}")
        if self.standalone:
            options.append("--standalone")
        return " ".join([*options, "-o", name])


@dataclass(frozen=True)
class PageExample:
    """The page of one activation or loss as text."""

    kind: str
    name: str
    language: str

    def text(self) -> str:
        """What `backprop activation NAME` or `backprop loss NAME` prints."""
        from backprop_symbolic import prove_activation, prove_loss

        prove = prove_activation if self.kind == "activation" else prove_loss
        return prove(self.name, lang=self.language).render("text")


def pages() -> dict[Path, PageExample]:
    """One page for each shipped activation and loss in English and Korean, and for a formula typed by a user."""
    from backprop_symbolic.activations import activations, layer_activations
    from backprop_symbolic.losses import losses

    named = [("activation", name, name) for name in (*activations.names(), *layer_activations.names())]
    named += [("loss", name, name) for name in losses.names()]
    named += [("activation", "x*sigmoid(1.702*x)", "formula"), ("loss", "(t - o)**4/4", "formula")]
    return {
        GOLDEN
        / {"activation": "activations", "loss": "losses"}[kind]
        / f"{file}{'' if language == 'en' else '.ko'}.txt": PageExample(kind, name, language)
        for kind, name, file in named
        for language in ("en", "ko")
    }


#: tests/golden/: read them after every change of wording or of a rule.
EXAMPLES: Mapping[str, Example] = {
    "w31.md": Example("w31", "markdown"),
    "w31.ko.md": Example("w31", "markdown", "ko"),
    "w31.txt": Example("w31", "text"),
    "w31.ko.txt": Example("w31", "text", "ko"),
    "w11.md": Example("w11", "markdown"),
    "w11.ko.md": Example("w11", "markdown", "ko"),
    "w11.txt": Example("w11", "text"),
    "w11.ko.txt": Example("w11", "text", "ko"),
    "w31.brief.txt": Example("w31", "text", detail="brief"),
    "w31.full.txt": Example("w31", "text", detail="full"),
    "w31.tex": Example("w31", "latex"),
    "layered-2-3-3-2.txt": Example("w1_11", "text", network="2-3-3-2", notation="layered"),
    "bias-layer-b1.txt": Example("b1", "text", bias="layer"),
    "softmax.txt": Example("w31", "text", activation="sigmoid,softmax", loss="categorical_cross_entropy"),
    "softmax.ko.txt": Example("w11", "text", "ko", activation="sigmoid,softmax", loss="categorical_cross_entropy"),
    "softmax-in-loss.md": Example("w31", "markdown", network="2-2-3", activation="tanh,identity", loss="softmax_cross_entropy"),
    "l2.txt": Example("w31", "text", l2="0.01"),
    "l2.ko.txt": Example("w11", "text", "ko", l2="0.01"),
    "w31.mazur.txt": Example("w31", "text", bias="fixed", numbers="mazur"),
    "w31.mazur.ko.txt": Example("w31", "text", "ko", bias="fixed", numbers="mazur"),
    "w11.mazur.md": Example("w11", "markdown", bias="fixed", numbers="mazur"),
    "w11.mazur.ko.md": Example("w11", "markdown", "ko", bias="fixed", numbers="mazur"),
    "shared-weight.txt": Example("w", "text", graph=SHARED),
    "shared-weight.ko.txt": Example("w", "text", "ko", graph=SHARED),
}  # fmt: skip

#: tests/golden/: the programs of `backprop code` for the lecture's network, by file.
PROGRAMS = {f"code-2-2-2-{form}.py.txt": form for form in ("scalar", "matrix")}

#: tests/golden/: the notes of the lecture's network, without pictures, by file.
NOTES = {"notes.md": "en", "notes.ko.md": "ko"}

#: tests/golden/: w31 in Typst, as the PDF is made of it, without the style at its head.
TYPST = "w31.typ"

#: output/: samples for who comes to look.
SAMPLES: Mapping[str, Example] = {
    "w31.tex": Example("w31", "latex", standalone=True),
    "w31.ko.tex": Example("w31", "latex", "ko", standalone=True),
    "w31.md": Example("w31", "markdown"),
    "w31.ko.md": Example("w31", "markdown", "ko"),
    "w11.tex": Example("w11", "latex", standalone=True),
    "w11.ko.tex": Example("w11", "latex", "ko", standalone=True),
    "w11.md": Example("w11", "markdown"),
    "w11.ko.md": Example("w11", "markdown", "ko"),
    "all.md": Example("all", "markdown"),
    "all.ko.md": Example("all", "markdown", "ko"),
}
_WHAT = {
    "w31": "an output weight: three factors, δ, the update",
    "w11": "a hidden weight: the sum over both outputs, then the same",
    "all": "every weight of the 2-2-2 network in one document",
}
_LANGUAGE = {"en": "English", "ko": "Korean"}


#: output/notes/: the whole lecture, as the command writes it.
PUBLISHED = OUTPUT / "notes"
FORMATS, LANGUAGES = ("markdown", "html", "pdf"), ("en", "ko")
NOTES_COMMAND = f"backprop notes --format {','.join(FORMATS)} --lang {','.join(LANGUAGES)} -o output/notes"


def write_notes(folder: Path) -> list[Path]:
    """Writes the notes as the command does; the files that were not there or have changed."""
    from backprop_symbolic import cli

    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    args = ["--format", ",".join(FORMATS), "--lang", ",".join(LANGUAGES), "-o", str(folder), "--force"]
    with redirect_stdout(StringIO()):
        cli.notes.main(args, standalone_mode=False)
    return [path for path in folder.rglob("*") if path.is_file() and before.get(path) != path.read_bytes()]


def same(name: str, old: bytes, new: bytes) -> bool:
    """Whether a file of the notes says the same.

    Byte for byte, but for what another version of a library may write otherwise: the embedded fonts, the
    curves of plots, and the inside of a PDF, of which the text is compared.
    """
    if old == new:
        return True
    if name.endswith(".pdf"):
        return pdf_text(old) == pdf_text(new)
    if name.endswith(".html"):
        return without_curves(old) == without_curves(new)
    return name.endswith(".svg") and b"matplotlib" in old and b"matplotlib" in new


def pdf_text(data: bytes) -> str:
    """The words of a PDF, in order."""
    found = subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=True)
    return " ".join(found.stdout.decode("utf-8").split())


def without_curves(page: bytes) -> str:
    """A page without its fonts and its plots."""
    text = re.sub(r"url\(\"?data:font[^)]*\)", "", page.decode("utf-8"))
    return re.sub(r"<svg\b(?:(?!</svg>).)*matplotlib.*?</svg>", "", text, flags=re.DOTALL)


def index() -> str:
    """output/README.md: what lies there and the command behind each file."""
    rows = [
        f"| [{name}]({name}) | {_WHAT[example.weight]} | {_LANGUAGE[example.language]} | "
        f"`{example.command(name)}` |"
        for name, example in SAMPLES.items()
    ]
    return "\n".join(
        [
            "# Samples",
            "",
            "Generated by `make golden`, kept current by `tests/test_golden.py`.",
            "",
            "## The whole lecture",
            "",
            "| | Markdown | PDF | HTML |",
            "|---|---|---|---|",
            "| English | [notes.md](notes/notes.md) | [notes.pdf](notes/notes.pdf) | [notes.html](notes/notes.html) |",
            "| Korean | [notes.ko.md](notes/notes.ko.md) | [notes.ko.pdf](notes/notes.ko.pdf) | "
            "[notes.ko.html](notes/notes.ko.html) |",
            "",
            f"`{NOTES_COMMAND}`",
            "",
            "## Single weights",
            "",
            "The `.tex` files compile with xelatex and lualatex; GitHub renders the `.md` files.",
            "",
            "| file | what | language | command |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def program(form: str) -> str:
    """What `backprop code --form …` prints."""
    from backprop_symbolic import Network
    from backprop_symbolic.numeric.generate import generate

    return generate(Network.dense([2, 2, 2]), form=form)


def typst() -> str:
    """What Typst is given for w31, from the title on."""
    from backprop_symbolic import derive
    from backprop_symbolic.document import document
    from backprop_symbolic.render import Options
    from backprop_symbolic.rendering.pdf import typst_source

    result = derive("2-2-2", "w31")
    text = typst_source(document(result.derivation), result.graph.written("en"), Options()).data.decode()
    return text[text.index("#set document") :]


def lecture(language: str) -> str:
    """The notes of 2-2-2 as Markdown."""
    from backprop_symbolic import Network
    from backprop_symbolic.graph import dense
    from backprop_symbolic.lecture import Lecture, notes
    from backprop_symbolic.render import Options, write_document

    found = notes(Lecture(dense(Network.dense([2, 2, 2])), plots=False))
    written = write_document(found.document, "markdown", found.names(language), Options(language))
    return written.data.decode()


def listed() -> dict[Path, Callable[[], str]]:
    """Every generated file with the function that gives its text."""
    return {
        **{GOLDEN / name: example.text for name, example in EXAMPLES.items()},
        **{path: example.text for path, example in pages().items()},
        **{OUTPUT / name: example.text for name, example in SAMPLES.items()},
        **{GOLDEN / name: partial(program, form) for name, form in PROGRAMS.items()},
        **{GOLDEN / name: partial(lecture, language) for name, language in NOTES.items()},
        GOLDEN / TYPST: typst,
        OUTPUT / "README.md": index,
    }


def leftovers() -> list[Path]:
    """Files in the two directories that no table lists."""
    known = listed()
    folders = (GOLDEN, GOLDEN / "activations", GOLDEN / "losses", OUTPUT)
    there = [p for folder in folders if folder.is_dir() for p in folder.iterdir()]
    found = [p for p in there if p.is_file() and p.suffix != ".py"]
    return sorted(p for p in found if p not in known and not p.name.startswith("."))


def stale() -> dict[Path, str]:
    """What is not as it would be written now, each with a short diff."""
    found: dict[Path, str] = {}
    for path, make in listed().items():
        text = make()
        written = path.read_bytes().decode("utf-8") if path.exists() else ""
        if written != text:
            lines = unified_diff(
                written.splitlines(), text.splitlines(), "in the file", "now", lineterm="", n=1
            )
            found[path] = "\n".join(list(lines)[:30])
    for path in leftovers():
        found[path] = "is listed nowhere"
    for path, why in stale_notes():
        found[path] = why
    return found


def stale_notes() -> Iterator[tuple[Path, str]]:
    """Files of output/notes/ that are missing, surplus or not as they would be written now."""
    with TemporaryDirectory() as folder:
        write_notes(Path(folder))
        new = {path.relative_to(folder): path for path in Path(folder).rglob("*") if path.is_file()}
        old = {path.relative_to(PUBLISHED): path for path in PUBLISHED.rglob("*") if path.is_file()}
        for name in sorted({*new, *old}):
            if name.name.startswith("."):
                continue  # the list of digests
            if name not in old or name not in new:
                yield PUBLISHED / name, "is missing" if name in new else "is listed nowhere"
            elif not same(name.name, old[name].read_bytes(), new[name].read_bytes()):
                yield PUBLISHED / name, "is not as it would be written now"


def write() -> list[Path]:
    """Writes every file that differs and removes what is no longer listed; what was touched."""
    touched = []
    for path, make in listed().items():
        text = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != text.encode():
            path.write_bytes(text.encode())
            touched.append(path)
    for path in leftovers():
        path.unlink()
        touched.append(path)
    return touched


def publish() -> list[Path]:
    """Writes output/notes/ where it is not current; what was touched."""
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    touched = [path for path, _ in stale_notes()]
    for path in touched:
        path.unlink(missing_ok=True)
    if touched:
        write_notes(PUBLISHED)
    return touched
