"""What every export makes: a Coq script that stands alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from backprop_symbolic.errors import BackpropError


class NotExported(BackpropError):
    """A step, a function or a construct that has no Coq form yet; named, with what has one."""


@dataclass(frozen=True)
class Script:
    """A Coq 8.16 file that needs Coquelicot and nothing else.

    text      the file; ends with `closing` of its theorems and lemmas
    theorems  the names of the theorems it ends in
    lemmas    the id of a step → the name of its lemma, in the order of the printed derivation
    """

    text: str
    theorems: tuple[str, ...]
    lemmas: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


def closing(theorems: Iterable[str], lemmas: Iterable[str] = ()) -> str:
    """The last lines of a script: all that it proves, looked through together for what it rests on.

    `Print Assumptions` takes most of a second, whatever it is asked: it is asked once. The name has a prime,
    which no name of a user's has.
    """
    proofs = dict.fromkeys((*theorems, *lemmas))
    named = "".join(f"  let _ := {proof} in\n" for proof in proofs)
    return f"Definition every'proof : True :=\n{named}  I.\nPrint Assumptions every'proof.\n"


@dataclass(frozen=True)
class Function:
    """A function of one variable as Coq has it: defined, and its derivative proved.

    name       the Coq function, R -> R
    slope      the Coq function of its derivative, R -> R
    theorem    forall x, condition x -> is_derive name x (slope x); without the premise where that is None
    condition  the predicate R -> Prop of the points where there is a derivative, or None for everywhere
    text       the definitions and lemmas, to stand at the top of a script
    lemmas     the id of a step of its proof → the name of its lemma
    bounds     lemmas forall x, 0 < name x and forall x, name x < 1, where that is plain from the formula
    """

    name: str
    slope: str
    theorem: str
    text: str
    condition: str | None = None
    lemmas: tuple[tuple[str, str], ...] = ()
    bounds: tuple[str, ...] = ()
