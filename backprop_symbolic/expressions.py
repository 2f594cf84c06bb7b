"""Text typed by a user to SymPy, by a whitelist over Python's own `ast`.

Nothing here evaluates anything: no `eval`, no `sympify(str)`, no `parse_expr`. What is not on
the whitelist is refused by name, with its line and column. Order is kept as typed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from sympy import (
    Abs,
    Expr,
    Ge,
    Gt,
    Integer,
    Le,
    Lt,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    atan,
    cos,
    cosh,
    erf,
    log,
    pi,
    sign,
    sin,
    sinh,
    sqrt,
    true,
)

from backprop_symbolic.algebra import (
    ONE,
    Call,
    Decimal,
    Frac,
    add,
    exp,
    mul,
    neg,
    power,
)
from backprop_symbolic.errors import BackpropError, BadExpression, quoted, unknown
from backprop_symbolic.registry import exact

MAX_LENGTH = 20_000  # characters of one formula
MAX_TOKENS = 4_000
MAX_DEPTH = 60  # nested parentheses
MAX_LEVEL = 120  # operations inside operations; a long sum or product is one level
MAX_DIGITS = 40  # of one number
MAX_EXPONENT = 64  # of a whole-number power
MAX_BITS = 1_000  # of a number written as a power of numbers: what floating point can hold

#: Functions that are not activations; the activations come from their registry.
ELEMENTARY: Mapping[str, Callable[[Expr], Expr]] = {
    "exp": exp,
    "log": lambda u: cast(Expr, log(u, evaluate=False)),
    "ln": lambda u: cast(Expr, log(u, evaluate=False)),
    "sqrt": lambda u: cast(Expr, sqrt(u, evaluate=False)),
    "sin": lambda u: cast(Expr, sin(u, evaluate=False)),
    "cos": lambda u: cast(Expr, cos(u, evaluate=False)),
    "sinh": lambda u: cast(Expr, sinh(u, evaluate=False)),
    "cosh": lambda u: cast(Expr, cosh(u, evaluate=False)),
    "atan": lambda u: cast(Expr, atan(u, evaluate=False)),
    "erf": lambda u: cast(Expr, erf(u, evaluate=False)),
    "abs": lambda u: cast(Expr, Abs(u, evaluate=False)),
    "sign": lambda u: cast(Expr, sign(u, evaluate=False)),
}
COMPARISONS = {ast.Gt: Gt, ast.GtE: Ge, ast.Lt: Lt, ast.LtE: Le}

Names = Callable[[str], Expr | None]
Functions = Callable[[str], Symbol | None]


def parse(
    text: str,
    names: Names,
    functions: Functions = lambda name: None,
    *,
    where: str = "",
    line: int = 1,
    offset: int = 0,
    known: Callable[[], list[str]] = list,
) -> Expr:
    """The expression that `text` says, unevaluated and in the order typed.

    `names` and `functions` give the meaning of a name, or None where it has none. `where`,
    `line` and `offset` place an error. Raises BadExpression, or UnknownName with the nearest
    of `known`.
    """
    return _Reader(text, names, functions, where, line, offset, known).read()


def typed_number(text: str) -> Expr:
    """A number as typed: 0.5 keeps its decimal point, 1/3 is a fraction. Raises BadExpression."""
    value = exact(text)
    if value is None:
        raise BadExpression(f"{quoted(text)} is not a number")
    ratio = Rational(value.numerator, value.denominator)
    return Decimal(ratio) if ratio.q != 1 and "/" not in text else cast(Expr, ratio)


def bits(expr: Expr) -> int:
    """About how many bits the number `expr` has; 0 where it holds a name."""
    if isinstance(expr, (Rational, Decimal)):
        value = expr if isinstance(expr, Rational) else expr.value
        return max(abs(int(value.p)).bit_length(), int(value.q).bit_length())
    if not expr.args:
        return 0
    sizes = [bits(cast(Expr, arg)) for arg in expr.args]
    if isinstance(expr, Pow) and isinstance(expr.args[1], Integer):
        return sizes[0] * abs(int(expr.args[1]))
    return sum(sizes)


class _Reader:
    def __init__(
        self,
        text: str,
        names: Names,
        functions: Functions,
        where: str,
        line: int,
        offset: int,
        known: Callable[[], list[str]],
    ) -> None:
        self.text, self.names, self.functions = text, names, functions
        self.where, self.line, self.offset, self.known = where, line, offset, known
        self.level = 0

    def at(self, column: int) -> str:
        """Where an error is: file, line, column (from 1)."""
        place = f"line {self.line}, column {column + self.offset + 1}"
        return f"{self.where}, {place}" if self.where else place

    def fail(self, column: int, message: str) -> BadExpression:
        return BadExpression(f"{self.at(column)}: {message}")

    def read(self) -> Expr:
        self.limits()
        # A leading blank would be an indentation error; its width is not lost for columns.
        body = self.text.lstrip()
        self.offset += len(self.text) - len(body)
        self.text = body.rstrip()
        if not self.text:
            raise self.fail(0, "a formula is missing")
        try:
            tree = ast.parse(self.text, mode="eval")
        except SyntaxError as error:
            column = max((error.offset or 1) - 1, 0)
            if re.search(r"[-+*/(,]$", self.text):
                column = len(self.text)
            raise self.fail(column, self.reason(column)) from None
        except (RecursionError, MemoryError, ValueError):
            raise self.fail(0, "the formula is too deep or too long to read") from None
        return self.expr(tree.body)

    def limits(self) -> None:
        if len(self.text) > MAX_LENGTH:
            raise self.fail(MAX_LENGTH, f"the formula is longer than {MAX_LENGTH} characters")
        depth = 0
        words = re.finditer(r"[^\W\d]\w*|\d[\d.eE_]*|\*\*|\S", self.text)
        for tokens, match in enumerate(words, 1):
            word = match.group()
            if tokens > MAX_TOKENS:
                raise self.fail(match.start(), f"the formula has more than {MAX_TOKENS} parts")
            if word in "([{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise self.fail(match.start(), f"more than {MAX_DEPTH} parentheses are nested")
            elif word in ")]}":
                depth -= 1
            elif word[0].isdigit() and len(word) > MAX_DIGITS:
                raise self.fail(match.start(), f"a number has more than {MAX_DIGITS} digits")
            elif not word.isprintable():
                raise self.fail(match.start(), f"the character {quoted(word)} does not belong here")

    def reason(self, column: int) -> str:
        found = re.match(r"\w+|\S", self.text[column:])
        if "=" in self.text:
            return "'=' belongs between a name and its one formula only"
        return f"syntax error near {quoted(found.group())}" if found else "the formula ends too early"

    def column(self, node: ast.AST) -> int:
        # ast counts UTF-8 bytes; a reader counts characters.
        raw = self.text.splitlines()[0].encode()[: getattr(node, "col_offset", 0)]
        return len(raw.decode(errors="ignore"))

    def expr(self, node: ast.expr) -> Expr:
        self.level += 1
        if self.level > MAX_LEVEL:
            raise self.fail(0, "the formula is too deep or too long to read")
        result = self.read_node(node)
        self.level -= 1
        return result

    def read_node(self, node: ast.expr) -> Expr:
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self.expr(node.operand)
            return inner if isinstance(node.op, ast.UAdd) else neg(inner)
        if isinstance(node, ast.Constant):
            return self.number(node)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.IfExp):
            return self.pieces(node)
        raise self.fail(self.column(node), f"{self.what(node)} is not arithmetic")

    def what(self, node: ast.AST) -> str:
        shown = ast.get_source_segment(self.text, node)
        return quoted(shown or type(node).__name__.lower())

    def binary(self, node: ast.BinOp) -> Expr:
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return add(*self.chain(node, (ast.Add, ast.Sub)))
        if isinstance(node.op, ast.Mult):
            return mul(*self.chain(node, (ast.Mult,)))
        if isinstance(node.op, ast.Div):
            top, bottom = self.expr(node.left), self.expr(node.right)
            if isinstance(top, Integer) and isinstance(bottom, Integer) and bottom != 0:
                return cast(Expr, Rational(top, bottom))
            if bottom == 0:
                raise self.fail(self.column(node.right), "division by zero")
            return Frac(top, bottom)
        if isinstance(node.op, ast.Pow):
            return self.raised(node)
        hint = ": a power is written **" if isinstance(node.op, ast.BitXor) else ""
        raise self.fail(self.column(node), f"{self.what(node)} is not arithmetic{hint}")

    def chain(self, node: ast.expr, ops: tuple[type[ast.operator], ...]) -> list[Expr]:
        """The operands of a left-leaning chain a + b - c, walked without recursion."""
        parts: list[Expr] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ops):
            right = self.expr(node.right)
            parts.append(neg(right) if isinstance(node.op, ast.Sub) else right)
            node = node.left
        parts.append(self.expr(node))
        return parts[::-1]

    def raised(self, node: ast.BinOp) -> Expr:
        base, exponent = self.expr(node.left), self.expr(node.right)
        minus = isinstance(exponent, Mul) and exponent.args[0] == -1
        size = exponent.args[1] if minus else exponent
        if isinstance(size, Rational) and (abs(size.p) > MAX_EXPONENT or size.q > MAX_EXPONENT):
            raise self.fail(self.column(node.right), f"an exponent is beyond {MAX_EXPONENT}: {quoted(size)}")
        if isinstance(size, Integer) and bits(base) * abs(int(size)) > MAX_BITS:
            raise self.fail(self.column(node), f"{self.what(node)} is a number of more than {MAX_BITS} bits")
        if isinstance(size, Integer):
            exponent = cast(Expr, -size) if minus else exponent
        elif base.is_number and exponent.is_number and base != ONE and not isinstance(size, Rational):
            raise self.fail(self.column(node), f"{self.what(node)} is a tower of numbers")
        return power(base, exponent)

    def number(self, node: ast.Constant) -> Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise self.fail(self.column(node), f"{self.what(node)} is not a number")
        if isinstance(node.value, int):
            return cast(Expr, Integer(node.value))
        shown = (ast.get_source_segment(self.text, node) or "0").replace("_", "")
        exponent = re.search(r"[eE]([-+]?\d+)$", shown)
        if exponent and abs(int(exponent[1])) > MAX_EXPONENT:
            raise self.fail(self.column(node), f"the number {quoted(shown)} is out of range")
        value = Rational(shown)
        return Integer(value.p) if value.q == 1 else Decimal(value)

    def name(self, node: ast.Name) -> Expr:
        try:
            found = self.names(node.id)
        except BackpropError as error:
            raise type(error)(f"{self.at(self.column(node))}: {error}") from None
        if found is not None:
            return found
        if node.id == "pi":
            return cast(Expr, pi)
        raise unknown("name", node.id, self.known(), f"is known here ({self.at(self.column(node))})")

    def call(self, node: ast.Call) -> Expr:
        if not isinstance(node.func, ast.Name):
            raise self.fail(self.column(node), f"{self.what(node)} is not arithmetic")
        name = self.called(node, node.func.id)
        if name in ("max", "min"):
            if len(node.args) != 2:
                raise self.fail(self.column(node), f"{name} takes two arguments")
            a, b = (self.expr(arg) for arg in node.args)
            relation = Gt if name == "max" else Lt
            return cast(Expr, Piecewise((a, relation(a, b, evaluate=False)), (b, true), evaluate=False))
        if name in ELEMENTARY or (symbol := self.function(node, name)) is None:
            if name not in ELEMENTARY:
                known = sorted({*ELEMENTARY, "max", "min", *self.function_names()})
                raise unknown("function", name, known, f"({self.at(self.column(node))})")
            if len(node.args) != 1:
                raise self.fail(self.column(node), f"{name} takes one argument")
            return ELEMENTARY[name](self.expr(node.args[0]))
        if len(node.args) != 1 or isinstance(node.args[0], ast.Starred):
            raise self.fail(self.column(node), f"{name} takes one argument")
        return Call(symbol, self.expr(node.args[0]))

    def function(self, node: ast.Call, name: str) -> Symbol | None:
        try:
            return self.functions(name)
        except BackpropError as error:
            raise type(error)(f"{self.at(self.column(node))}: {error}") from None

    def called(self, node: ast.Call, name: str) -> str:
        """The function's name with the values given to its parameters: elu(net1, alpha=0.5)."""
        if not node.keywords:
            return name
        if name in ELEMENTARY or name in ("max", "min") or any(k.arg is None for k in node.keywords):
            raise self.fail(self.column(node), f"{self.what(node)} is not arithmetic")
        given = ", ".join(
            f"{k.arg}={ast.get_source_segment(self.text, k.value) or ''}" for k in node.keywords
        )
        return f"{name}({given})"

    def function_names(self) -> list[str]:
        return list(getattr(self.functions, "known", list)())

    def pieces(self, node: ast.expr) -> Expr:
        """`a if x > 0 else b` as cases, first true wins."""
        parts: list[tuple[Expr, object]] = []
        while isinstance(node, ast.IfExp):
            test = node.test
            if (
                not isinstance(test, ast.Compare)
                or len(test.ops) != 1
                or type(test.ops[0]) not in COMPARISONS
            ):
                raise self.fail(self.column(test), f"{self.what(test)} is not one comparison")
            relation: Any = COMPARISONS[type(test.ops[0])]
            condition = relation(self.expr(test.left), self.expr(test.comparators[0]), evaluate=False)
            parts.append((self.expr(node.body), condition))
            node = node.orelse
        parts.append((self.expr(node), true))
        return cast(Expr, Piecewise(*parts, evaluate=False))
