"""What can go wrong on the user's side. Each message says what, where, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable


class BackpropError(Exception):
    """A mistake the user can mend. The command line prints it as one line and exits with 2."""


class UnknownName(BackpropError):
    """A name that is in no list: an activation, a weight, a language."""


class BadNetwork(BackpropError):
    """A network that cannot be built, such as `2-0-2`."""


class BadExpression(BackpropError):
    """A formula that is not one, or that asks for more than arithmetic."""


class BadGraph(BackpropError):
    """A graph file with a cycle, an undefined name, a redefinition or a broken line."""


class BadParameter(BackpropError):
    """A parameter's value that is not a number or not allowed, such as `softplus(beta=0)`."""


class BadPlugin(BackpropError):
    """A plug-in that cannot be loaded."""


class BadNotation(BackpropError):
    """A notation file that cannot name every quantity."""


class BadTemplates(BackpropError):
    """A folder of templates or messages that cannot be used."""


class BadValues(BackpropError):
    """Numbers that do not fit: missing, unknown, no number, out of a function's domain."""


class BadText(BackpropError):
    """A text to review that is too large, in another encoding or of another kind."""


class NotDifferentiable(BackpropError):
    """A function for which no rule exists."""


class NoBound(BackpropError):
    """A function whose slope is unbounded or not known, where a bound is asked for."""


class NotInstalled(BackpropError):
    """An optional package or font that is asked for and is not there."""


class NotTypeset(BackpropError):
    """A document that Typst or TeX refuses: no font has a sign in it, or a template of one's own is wrong."""


class NotText(BackpropError):
    """A format of bytes, such as a PDF, where text is asked for."""


class BadPicture(BackpropError):
    """A network or graph too large to be drawn."""


class NoMatrixForm(BackpropError):
    """A derivation whose steps are not one pattern per layer."""


class BadSetting(BackpropError):
    """A number or an option that training cannot go by."""


class BadSamples(BackpropError):
    """A file of samples with a wrong line."""


class BadCheckpoint(BackpropError):
    """A checkpoint that cannot be read, or is one of another training."""


class Diverged(BackpropError):
    """A number that overflowed or is none, with its iteration and its name."""


class NotWritable(BackpropError):
    """A formula that a format has no form for."""


class OutputRefused(BackpropError):
    """An output file that cannot be written."""


class Unverified(BackpropError):
    """A line that the verifier refused. It is never printed as a result."""


class Interrupted(Exception):
    """Ctrl-C, with what was kept."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to `word`, or None where nothing is close."""
    from difflib import get_close_matches

    names = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


def unknown(
    what: str, word: str, known: Iterable[str], where: str = "", also: Iterable[str] = ()
) -> UnknownName:
    """The error for a name in no list: what it is, the list (shortened), the nearest.

    Names in `also` are not listed, but may be the nearest.
    """
    names = list(known)
    shown = names if len(names) <= 40 else [*names[:40], f"… ({len(names)} in all)"]
    place = f" {where}" if where else ""
    close = nearest(word, [*names, *also])
    hint = f" Did you mean {quoted(close)}?" if close else ""
    return UnknownName(f"no {what} {quoted(word)}{place}. Known: {' '.join(shown)}.{hint}")


def quoted(text: object, limit: int = 60) -> str:
    """`text` between quotes for a one-line message: control characters shown, length bounded."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(text)[: limit + 1])
    return f"'{shown[:limit]}…'" if len(shown) > limit else f"'{shown}'"
