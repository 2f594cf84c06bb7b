"""Documents as files: one module for each output format, found by themselves.

`base` holds what they share. A module of this folder registers its format with `base.formats` when
it is imported; `load` imports them all, so that a new format is one new file.
"""

from __future__ import annotations

from functools import cache

#: The order in which formats are listed; a module not named here comes after these, by its name.
ORDER = ("latex", "markdown", "text", "json", "html", "slides", "pdf", "beamer", "notebook")


@cache
def load() -> None:
    """Registers every format, once."""
    from importlib import import_module
    from pkgutil import iter_modules

    names = {module.name for module in iter_modules(__path__)} - {"base"}
    for name in sorted(names, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n)):
        import_module(f"{__name__}.{name}")
