"""A document in several formats and languages as one folder of files, with an index.

notes.html, notes.ko.html, notes.slides.html, notes.pdf, w31.svg, w31.ko.svg, …, index.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from backprop_symbolic.document import Document, Drawing, Picture
from backprop_symbolic.errors import UnknownName, unknown
from backprop_symbolic.folder import Published, check, known, publish
from backprop_symbolic.render import Options, environment, formats, messages, write_document
from backprop_symbolic.rendering.base import plain_words

if TYPE_CHECKING:
    from sympy import Symbol

    from backprop_symbolic.rendering.base import Format

INDEX = "index.html"
NAME = "notes"
#: The language whose files have no mark of it in their names.
PLAIN = "en"


@dataclass(frozen=True, slots=True)
class Edition:
    """One document of the folder: a format in a language."""

    format: Format
    language: str

    @property
    def mark(self) -> str:
        """What tells its files from those of other languages."""
        return "" if self.language == PLAIN else f".{self.language}"

    @property
    def file(self) -> str:
        """The document's file."""
        return f"{NAME}{self.mark}{self.format.suffix}"


@dataclass
class Pages:
    """Files by their names, and what the list of the folder keeps of each."""

    files: dict[str, bytes] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)


def editions(names: Sequence[str], languages: Sequence[str], options: Options) -> list[Edition]:
    """The formats and languages that are wanted, each once.

    Raises UnknownName for one that does not exist, for a format that no document has, and for a dialect
    of no format.
    """
    chosen = list(dict.fromkeys(formats.get(name).name for name in names))
    for name in chosen:
        if formats.get(name).document is None:
            able = [f.name for f in formats if f.document is not None]
            raise unknown("format", name, able, "of notes")
    if options.dialect and not any(formats.get(name).dialects for name in chosen):
        raise UnknownName(
            f"--dialect {options.dialect} goes with a format that has dialects, not {chosen[0]}"
        )
    for language in languages:
        messages(language, options.templates)
    return [Edition(formats.get(name), language) for language in dict.fromkeys(languages) for name in chosen]


def written(
    document: Document,
    names: Callable[[str], Mapping[Symbol, str]],
    wanted: Sequence[Edition],
    options: Options,
    tell: Callable[[str], None] = lambda what: None,
) -> Pages:
    """Every edition with its pictures. `names` gives the LaTeX of the symbols in a language.

    tell  is told each file's name before it is made

    Raises what a format cannot write.
    """
    pages = Pages()
    drawn = _drawn_once(document)
    for edition in wanted:
        tell(edition.file)
        language = edition.language
        dialect = options.dialect if edition.format.dialects else ""
        own = replace(options, language=language, dialect=dialect, standalone=True)
        shown = _marked(drawn, edition.mark)
        found = write_document(shown, edition.format.name, names(language), own)
        text = plain_words(names(language), own)
        pages.files[edition.file] = found.data
        pages.about[edition.file] = {
            "title": text(document.title), "language": language, "kind": "document"
        }  # fmt: skip
        pictures = {b.name: b for b in shown.blocks if isinstance(b, Picture)}
        for name, data in found.files.items():
            pages.files[name] = data
            pages.about[name] = {"language": language, "kind": "picture"}
            picture = pictures.get(Path(name).stem)
            if picture is not None:
                pages.about[name] |= {"title": text(picture.caption), "alt": text(picture.alt)}
    return pages


@dataclass(frozen=True)
class _Once:
    """A drawing that is drawn once for each kind and language, however many formats show it."""

    drawing: Drawing
    known: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it can be drawn as."""
        return self.drawing.kinds

    def draw(
        self, kind: str, names: Mapping[Symbol, str], language: str, templates: Path | None = None
    ) -> bytes:
        """The picture, from what is known where it was drawn before."""
        if (kind, language) not in self.known:
            self.known[kind, language] = self.drawing.draw(kind, names, language, templates)
        return self.known[kind, language]


def _drawn_once(document: Document) -> Document:
    blocks = (replace(b, drawing=_Once(b.drawing)) if isinstance(b, Picture) else b for b in document.blocks)
    return replace(document, blocks=tuple(blocks))


def _marked(document: Document, mark: str) -> Document:
    """The document with the names of its pictures' files marked."""
    if not mark:
        return document
    blocks = (replace(b, name=f"{b.name}{mark}") if isinstance(b, Picture) else b for b in document.blocks)
    return replace(document, blocks=tuple(blocks))


def index(about: Mapping[str, Mapping[str, Any]], language: str, options: Options) -> bytes:
    """index.html: the documents of a folder, and its pictures."""
    words = messages(language, options.templates)
    documents: dict[tuple[str, str], list[dict[str, str]]] = {}
    pictures = []
    for name, entry in sorted(about.items()):
        own = str(entry.get("language", language))
        item = {"href": quote(name), "name": name, "title": str(entry.get("title", name)), "language": own}
        if entry.get("kind") == "document":
            documents.setdefault((own, item["title"]), []).append(item)
        elif name.endswith(".svg") and entry.get("alt"):
            pictures.append({**item, "alt": str(entry["alt"])})
    several = len({item["language"] for item in pictures}) > 1
    shown = [item for item in pictures if item["language"] == language or not several]
    page = environment(options.templates, html=True).get_template(f"html/{INDEX}")
    return page.render(
        language=language,
        title=words["index.title"],
        pictures_title=words["index.pictures"],
        documents=[
            {"language": own, "title": title, "files": files} for (own, title), files in documents.items()
        ],
        pictures=shown,
    ).encode("utf-8")


def publish_pages(folder: Path, pages: Pages, language: str, options: Options, force: bool) -> Published:
    """Writes the pages and the index of all that the folder holds. Raises OutputRefused."""
    before = {} if force else known(folder)
    about = {**{n: e for n, e in before.items() if (folder / n).is_file()}, **pages.about}
    about.pop(INDEX, None)
    files = {**pages.files, INDEX: index(about, language, options)}
    return publish(folder, files, pages.about, force)


__all__ = ["INDEX", "Edition", "Pages", "check", "editions", "index", "publish_pages", "written"]
