"""Names a user typed as Coq identifiers, and any text as a Coq comment.

No two names become one, none becomes a word of Coq or of our library, and none holds a prime: a
name with a prime, `d'net3`, is a script's own and can meet no name of a user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from sympy import Symbol

#: Words that no identifier may be in Coq 8.16 with Reals and Coquelicot loaded.
KEYWORDS = frozenset(
    """
    Axiom CoFixpoint Coercion Definition Fixpoint Focus Hypothesis IF Parameter Prop SProp Set Setoid Theorem
    Type Typeclasses Variable Variables as at by cofix discriminated else end exists exists2 fix for forall
    from fun if in infoH is isn let ltac match mod of return then transitivity using where with
    """.split()  # noqa: SIM905
)

#: What a term or a proof of ours speaks of by name.
SPOKEN = frozenset(
    """
    C Derive I INR IZR Nat O PI Prop R RInt Rabs Req_dec Rle_dec Rlt_dec Rmax Rmin Rpower S True Z and atan
    cos cosh eq_refl eq_sym eq_trans ex_derive exp f_equal f_equal2 false fst is_derive is_derive_unique ln
    locally nat not or pow proj1 proj2 sign sin sinh snd sqrt tan tanh true
    """.split()  # noqa: SIM905
)

#: How names begin that scripts make: of functions, of steps, of theorems.
FAMILIES = ("act_", "formula_", "step_", "gradient_")

_DEFINED = re.compile(r"^\s*(?:Lemma|Theorem|Definition|Fixpoint|Ltac|with)\s+([\w']+)", re.MULTILINE)
#: What is kept: letters and digits of ASCII, and an underscore that no u follows.
_ESCAPED = re.compile(r"^[0-9_]|[^A-Za-z0-9_]|_(?=u)", re.ASCII)


@cache
def library() -> str:
    """The rules of differentiation, library.v: what every script begins with."""
    return files("backprop_symbolic.formal").joinpath("library.v").read_text(encoding="utf-8")


@cache
def paths() -> str:
    """Places and paths, paths.v: what a derivation's script has besides."""
    return files("backprop_symbolic.formal").joinpath("paths.v").read_text(encoding="utf-8")


@cache
def reserved() -> frozenset[str]:
    """What a user's name must not be: keywords, what scripts speak of, what the library defines."""
    return KEYWORDS | SPOKEN | frozenset(_DEFINED.findall(library() + paths()))


def escaped(name: str) -> str:
    """`name` in letters, digits and underscores of ASCII, injectively; it may still be a keyword."""
    return _ESCAPED.sub(lambda found: f"_u{ord(found[0]):X}_", name)


@cache
def identifier(name: str) -> str:
    """net3 → net3, w31' → w31_u27_, 오차 → _uC624__uCC28_, fun → fun_u_; injective.

    A character other than an ASCII letter, digit or underscore becomes `_uHEX_`, as does an underscore
    before a u; a reserved name gets `_u_`, with which no other name can end; a name that would begin as
    those of a script do has its first letter escaped.
    """
    plain = escaped(name)
    if plain.startswith(FAMILIES):
        return f"_u{ord(plain[0]):X}_{plain[1:]}"
    return f"{plain}_u_" if not plain or plain in reserved() else plain


class Names:
    """Symbol → Coq term: what `meant` says, else the identifier of the symbol's name.

    `meant` is for a name that stands for an application, as y for `act_sigmoid x`.
    """

    def __init__(self, meant: Mapping[Symbol, str] | None = None) -> None:
        self.meant = dict(meant or {})

    def __call__(self, symbol: Symbol) -> str:
        found = self.meant.get(symbol)
        return identifier(symbol.name) if found is None else found


def comment(text: str) -> str:
    """`text` as a Coq comment, which nothing in it can end, and in which no string begins."""
    safe = re.sub(r"\((?=\*)|\*(?=\))", lambda found: f"{found[0]} ", text.replace('"', "''"))
    # A star at either end must not meet the comment's own; what is not printable may not be UTF-8.
    safe = "".join(c if c.isprintable() or c == "\n" else "?" for c in safe)
    return f"(* {safe} *)"


def table(names: Iterable[str]) -> str:
    """A comment that lists the names which Coq has under another: 오차 as _uC624__uCC28_; "" for none."""
    changed = [(name, identifier(name)) for name in dict.fromkeys(names) if identifier(name) != name]
    if not changed:
        return ""
    return comment("\n   ".join(f"{coq} is {name}" for name, coq in changed)) + "\n"
