"""Where the wording lives: the templates and one message file per language.

A folder of the user's can go before ours: a file in it takes the place of our template of the same
name, and a sentence in its `messages/xx.toml` that of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from backprop_symbolic.errors import BadTemplates, quoted, unknown

MAX_FILE = 1_000_000  # bytes of a template or message file of the user's
MAX_FILES = 500  # in a folder of the user's


def template_dir() -> Path:
    """The templates: inside the package in a wheel, beside it in a checkout."""
    here = Path(__file__).resolve().parent
    for candidate in (here / "templates", here.parent / "templates"):
        if (candidate / "messages").is_dir():
            return candidate
    raise FileNotFoundError("the templates are not beside the package: reinstall backprop-symbolic")


def template_dirs(own: Path | None = None) -> list[Path]:
    """Where templates are looked for: a folder of the user's first, then ours."""
    return [template_dir()] if own is None else [own, template_dir()]


def template_names() -> list[str]:
    """The names of our templates, as a folder of the user's overrides them."""
    ours = template_dir()
    found = (path.relative_to(ours) for path in ours.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.parts[0] != "messages")


def own_templates(folder: str | Path) -> Path:
    """A folder of templates that go before ours, each of a name that we have.

    Files whose name begins with _ are for the user's templates to include. Raises BadTemplates for a
    folder that is none or holds too much, UnknownName for a file that would take the place of nothing.
    """
    path = Path(folder)
    if not path.is_dir():
        raise BadTemplates(f"template folder {quoted(folder)}: there is no such folder")
    names = template_names()
    found = []
    for file in path.rglob("*"):
        if file.is_file() and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts):
            found.append(file)
        if len(found) > MAX_FILES:
            raise BadTemplates(f"template folder {quoted(folder)}: more than {MAX_FILES} files")
    for file in sorted(found):
        name = file.relative_to(path).as_posix()
        if file.stat().st_size > MAX_FILE:
            raise BadTemplates(f"template {quoted(name)}: larger than {MAX_FILE} bytes")
        if re.fullmatch(r"messages/[^/]+\.toml", name):
            continue
        if name not in names:
            raise unknown("template", name, names, f"in {quoted(folder)}")
    return path


# ---------------------------------------------------------------- languages


def languages(own: Path | None = None) -> list[str]:
    """The languages that have a message file."""
    folders = [folder / "messages" for folder in template_dirs(own)]
    return sorted({path.stem for folder in folders for path in folder.glob("*.toml")})


@cache
def messages(language: str, own: Path | None = None) -> Mapping[str, str]:
    """Every message of a language, by its dotted key; those of the folder `own` go before ours.

    Raises UnknownName for a language or a message that is not known, BadTemplates for a file of
    `own` that cannot be read, speaks of what its sentence is not told, or is a new language with
    messages left out.
    """
    if language not in languages(own):
        raise unknown("language", language, languages(own))
    name = f"{language}.toml"
    path = template_dir() / "messages" / name
    found = _read(path) if path.is_file() else {}
    if own is not None and (own / "messages" / name).is_file():
        found = {**found, **_checked(own / "messages" / name, found)}
    return found


def _read(path: Path) -> dict[str, str]:
    import tomllib

    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {f"{table}.{key}": text for table, entries in tables.items() for key, text in entries.items()}


def _checked(path: Path, ours: Mapping[str, str]) -> dict[str, str]:
    """The user's messages: of a language that we have some, of a new one all."""
    where = f"message file {quoted(path.name)} of the template folder"
    try:
        found = _read(path)
    except (OSError, ValueError, AttributeError) as error:
        raise BadTemplates(f"{where} cannot be read: {' '.join(str(error).split())}") from None
    known = ours or _read(template_dir() / "messages" / "en.toml")
    for key, text in found.items():
        if key not in known:
            raise unknown("message", key, known, f"in {where}")
        if not isinstance(text, str):
            raise BadTemplates(f"{where}: {key} is not text")
        for name in re.findall(r"\{(\w+(?:=\w+)?)\}", text):
            told = {n for told in re.findall(r"\{(\w+(?:=\w+)?)\}", known[key]) for n in told.split("=")}
            for part in name.split("="):
                if part not in told:
                    says = ", ".join(f"{{{n}}}" for n in sorted(told)) or "nothing"
                    raise BadTemplates(f"{where}: {key} speaks of {{{part}}}; it is told {says}")
    missing = [key for key in known if key not in found] if not ours else []
    if missing:
        raise BadTemplates(
            f"{where} is a new language and lacks {len(missing)} of {len(known)} messages, "
            f"the first is {quoted(missing[0])}"
        )
    return found
