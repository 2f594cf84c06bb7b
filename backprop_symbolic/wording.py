"""Where the wording lives: the templates and one message file per language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from backprop_symbolic.errors import unknown


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


# ---------------------------------------------------------------- languages


def languages(own: Path | None = None) -> list[str]:
    """The languages that have a message file."""
    return sorted(
        {path.stem for folder in template_dirs(own) for path in (folder / "messages").glob("*.toml")}
    )


@cache
def messages(language: str, own: Path | None = None) -> Mapping[str, str]:
    """Every message of a language, by its dotted key; those of the folder `own` go before ours.

    Raises UnknownName.
    """
    if language not in languages(own):
        raise unknown("language", language, languages(own))
    import tomllib

    found: dict[str, str] = {}
    for folder in reversed(template_dirs(own)):
        path = folder / "messages" / f"{language}.toml"
        if path.is_file():
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
            found |= {
                f"{table}.{key}": text for table, entries in tables.items() for key, text in entries.items()
            }
    return found
