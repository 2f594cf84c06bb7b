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


# ---------------------------------------------------------------- languages


def languages() -> list[str]:
    """The languages that have a message file."""
    return sorted(path.stem for path in (template_dir() / "messages").glob("*.toml"))


@cache
def messages(language: str) -> Mapping[str, str]:
    """Every message of a language, by its dotted key. Raises UnknownName."""
    if language not in languages():
        raise unknown("language", language, languages())
    import tomllib

    path = template_dir() / "messages" / f"{language}.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {f"{table}.{key}": text for table, entries in tables.items() for key, text in entries.items()}
