"""Numbers for a graph's leaves: from files, from `name=value`, drawn by a seed.

    load(path)                  a TOML, YAML, JSON or CSV file   → Source
    parse_set("x1=0.05")        one number, or a list            → Source
    random_values(graph, seed)  every leaf drawn                 → Source
    resolve(graph, sources)     all of them put together         → Values

A file of values is a table. Keys that name quantities give their numbers; `inputs`, `targets`,
`weights` and `biases` give them as arrays, or as tables of names; `network`, `activation`, `loss`,
`bias`, `notation` and `graph` state what the numbers are for.

    inputs   [x1, x2], or a list of such lists: several samples
    targets  the same
    weights  one matrix per layer, one row per unit, one column per unit of the layer below
    biases   one number per layer, or one list per layer with one number per unit

A CSV file has rows `name,value`, or a first row of names and then one sample per row.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unicodedata import normalize

from backprop_symbolic.errors import BadValues, NotInstalled, nearest, quoted

if TYPE_CHECKING:
    from sympy import Symbol

    from backprop_symbolic.graph import Graph

MAX_FILE = 20_000_000  # bytes of a values file
MAX_DEPTH = 6  # weights of several layers in several tables need no more
MAX_NUMBERS = 2_000_000  # in one file
SETTINGS = ("network", "activation", "loss", "l1", "l2", "bias", "notation", "graph")
ARRAYS = ("inputs", "targets", "weights", "biases")
TABLES = ("inputs", "targets", "weights", "biases", "parameters", "constants")
RATES = ("learning_rate", "eta", "η")
SUM = 1e-9  # how far targets may be from adding up to 1
DRAWS = 50  # seeds tried until every quantity has a value
_NUMBER = re.compile(r"[+-]?(\d+(_\d+)*\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Number:
    """A number and where it was read."""

    value: float
    where: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A statement about the network and where it was read."""

    text: str
    where: str


Nested = Number | tuple["Nested", ...]


@dataclass(frozen=True)
class Source:
    """What one file or option says, not yet compared with any graph.

    settings  network, activation, loss, bias, notation, graph (its definitions as text)
    numbers   by the name as typed
    arrays    inputs, targets, weights, biases
    samples   rows of a CSV file, each by names
    address   where the numbers were published
    """

    where: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)
    arrays: Mapping[str, Nested] = field(default_factory=dict)
    samples: tuple[Mapping[str, Number], ...] = ()
    address: str = ""


@dataclass(frozen=True)
class Values:
    """A number for every leaf of a graph, each with where it came from.

    numbers  every input, target, parameter and constant; the learning rate where it was given.
             Where there are several samples, inputs and targets are in `samples` alone
    samples  inputs and targets, sample by sample
    places   where those came from, sample by sample
    """

    numbers: Mapping[Symbol, float]
    origins: Mapping[Symbol, str]
    samples: tuple[Mapping[Symbol, float], ...]
    places: tuple[Mapping[Symbol, str], ...] = ()

    def __getitem__(self, symbol: Symbol) -> float:
        return self.numbers[symbol]

    def __contains__(self, symbol: object) -> bool:
        return symbol in self.numbers

    def tuple(self, symbols: Iterable[Symbol]) -> tuple[float, ...]:
        """The numbers of `symbols`, in their order."""
        return tuple(self.numbers[s] for s in symbols)

    def at(self, sample: int) -> Values:
        """These values with one sample alone, counted from 1. Raises BadValues."""
        if not 1 <= sample <= len(self.samples):
            raise BadValues(f"no sample {sample}: there are {len(self.samples)}, counted from 1")
        chosen, places = self.samples[sample - 1], self.places[sample - 1 : sample]
        origins = {**self.origins, **(places[0] if places else {})}
        return Values({**self.numbers, **chosen}, origins, (chosen,), places)

    def with_numbers(self, numbers: Mapping[Symbol, float]) -> Values:
        """These values with other numbers for some leaves."""
        return Values({**self.numbers, **numbers}, self.origins, self.samples, self.places)


# ---------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class _Node:
    """A piece of a file: a number, text, True, None, a list of nodes or pairs of name and node."""

    value: Any
    where: str


def load(path: str | Path) -> Source:
    """What a values file says. Raises BadValues, with the place, or NotInstalled for YAML."""
    path = Path(path)
    readers: dict[str, Callable[[str, str], Source]] = {
        ".toml": _toml, ".json": _json, ".yaml": _yaml, ".yml": _yaml, ".csv": _csv,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    shown = f"values file {quoted(path)}"
    if reader is None:
        raise BadValues(f"{shown}: its name must end in .toml, .yaml, .json or .csv")
    text = text_of(path, shown, MAX_FILE)
    try:
        return reader(text, str(path))
    except RecursionError:
        raise BadValues(f"{shown} is nested too deeply") from None


def text_of(path: Path, shown: str, most: int) -> str:
    """The text of a file of at most so many bytes; `shown` names it in errors. Raises BadValues."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise BadValues(f"{shown}: {error.strerror}") from None
    except ValueError:
        raise BadValues(f"{shown}: no such file") from None
    if len(data) > most:
        raise BadValues(f"{shown} has more than {most} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadValues(f"{shown} is not UTF-8 text (byte {error.start})") from None


def _toml(text: str, where: str) -> Source:
    import tomllib

    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and a whole number of too many digits
        raise BadValues(f"values file {quoted(where)} is not TOML: {error}") from None
    return from_table(data, where)


def from_table(data: Mapping[str, Any], where: str) -> Source:
    """What a table says, as a values file would. Raises BadValues, with the place."""
    return _source(_keyed(dict(data), where, ""), where)


def _json(text: str, where: str) -> Source:
    import json

    def pairs(found: list[tuple[str, Any]]) -> _Pairs:
        return _Pairs(found)

    try:
        data = json.loads(text, object_pairs_hook=pairs)
    except ValueError as error:  # JSONDecodeError, and a whole number of too many digits
        raise BadValues(f"values file {quoted(where)} is not JSON: {error}") from None
    return _source(_keyed(data, where, ""), where)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: a name may stand twice, which is refused later."""


def _keyed(value: Any, where: str, key: str) -> _Node:
    """The nodes of plain data; each is placed by its key."""
    place = f"{where}, {quoted(key)}" if key else where
    if isinstance(value, (dict, _Pairs)):
        pairs = list(value.items()) if isinstance(value, dict) else list(value)
        return _Node({"pairs": [(k, _keyed(v, where, f"{key}.{k}" if key else k)) for k, v in pairs]}, place)
    if isinstance(value, list):
        return _Node([_keyed(v, where, f"{key}[{i}]") for i, v in enumerate(value, 1)], place)
    return _Node(value, place)


def _yaml(text: str, where: str) -> Source:
    try:
        import yaml
    except ImportError:
        raise NotInstalled(
            "values in YAML need PyYAML: pip install 'backprop-symbolic[yaml]'; TOML, JSON and CSV do without"
        ) from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        shown = " ".join(str(error).split())
        raise BadValues(f"values file {quoted(where)} is not YAML: {shown}") from None
    if tree is None:
        raise BadValues(f"values file {quoted(where)} is empty")
    count = [0]

    def walk(node: Any, depth: int) -> _Node:
        # The nodes are read, not constructed: 010, 1:30 and 1e-3 mean what they look like.
        mark = node.start_mark
        place = f"{where}, line {mark.line + 1}, column {mark.column + 1}"
        count[0] += 1
        if depth > MAX_DEPTH or count[0] > MAX_NUMBERS:
            raise BadValues(f"{place}: nested too deeply or too long")
        if isinstance(node, yaml.MappingNode):
            return _Node({"pairs": [(_scalar(k, place), walk(v, depth + 1)) for k, v in node.value]}, place)
        if isinstance(node, yaml.SequenceNode):
            return _Node([walk(v, depth + 1) for v in node.value], place)
        return _Node(_plain(node), place)

    def _scalar(node: Any, place: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise BadValues(f"{place}: a key is a name, not a list or a table")
        return str(node.value)

    def _plain(node: Any) -> Any:
        if node.style is not None:
            return node.value
        if _NUMBER.fullmatch(node.value):
            return float(node.value.replace("_", ""))
        special = {"true": True, "false": False, "null": None, "~": None, "": None}
        return special.get(node.value.lower(), node.value)

    return _source(walk(tree, 0), where)


def _csv(text: str, where: str) -> Source:
    import csv
    import io

    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise BadValues(f"{where}, line {reader.line_num}: not CSV: {error}") from None
    if not rows:
        raise BadValues(f"values file {quoted(where)} is empty")
    head = rows[0][1]
    if len(head) == 2 and (head[1].casefold() == "value" or _NUMBER.fullmatch(head[1])):
        listed = rows[1:] if head[1].casefold() == "value" else rows
        pairs = []
        for line, row in listed:
            if len(row) != 2:
                raise BadValues(f"{where}, line {line}: {len(row)} cells; a row is name,value")
            pairs.append((row[0], _cell(row[1], where, line, 2)))
        return _source(_Node({"pairs": pairs}, where), where)
    samples = []
    _distinct(head, where)
    for line, row in rows[1:]:
        if len(row) != len(head):
            raise BadValues(f"{where}, line {line}: {len(row)} cells for {len(head)} names")
        cells = [_number(_cell(c, where, line, i)) for i, c in enumerate(row, 1)]
        samples.append(dict(zip(head, cells, strict=True)))
    if not samples:
        raise BadValues(f"values file {quoted(where)} has names but no sample")
    return Source(where, samples=tuple(samples))


def _distinct(names: Sequence[str], where: str) -> None:
    for i, name in enumerate(names):
        if not name:
            raise BadValues(f"{where}, line 1, column {i + 1}: a column without a name")
        if name in names[:i]:
            raise BadValues(f"{where}, line 1, column {i + 1}: {quoted(name)} names two columns")


def _cell(text: str, where: str, line: int, column: int) -> _Node:
    value: Any = float(text.replace("_", "")) if _NUMBER.fullmatch(text) else text
    return _Node(value, f"{where}, line {line}, column {column}")


# ---------------------------------------------------------------- nodes to a source


def _source(node: _Node, where: str) -> Source:
    """A file's table read: settings, numbers by name, arrays."""
    settings: dict[str, Setting] = {}
    numbers: dict[str, Number] = {}
    arrays: dict[str, Nested] = {}
    address = ""
    seen: dict[str, str] = {}

    def put(name: str, child: _Node) -> None:
        if name in seen:
            raise BadValues(f"{child.where}: {quoted(name)} is given twice, first at {seen[name]}")
        seen[name] = child.where
        numbers[name] = _number(child)

    for name, child in _pairs(node, "a values file is a table of names and numbers"):
        if name in seen:
            raise BadValues(f"{child.where}: {quoted(name)} is given twice, first at {seen[name]}")
        if name in SETTINGS:
            settings[name] = _setting(name, child)
            seen[name] = child.where
        elif name == "source":
            address = _text(child)
            seen[name] = child.where
        elif name in ARRAYS and isinstance(child.value, list):
            arrays[name] = _nested(child, 1)
            seen[name] = child.where
        elif name in TABLES and isinstance(child.value, dict):
            for inner, grandchild in _pairs(child, ""):
                put(inner, grandchild)
        else:
            put("learning_rate" if name in RATES else name, child)
    return Source(where, settings, numbers, arrays, (), address)


def _pairs(node: _Node, message: str) -> list[tuple[str, _Node]]:
    if not isinstance(node.value, dict):
        raise BadValues(f"{node.where}: {message}")
    return [(normalize("NFKC", name), child) for name, child in node.value["pairs"]]


def _text(node: _Node) -> str:
    if not isinstance(node.value, str):
        raise BadValues(f"{node.where}: {_kind(node.value)} where text is expected")
    return node.value


def _setting(name: str, node: _Node) -> Setting:
    """A setting as text: `activation` may be a list of names, `bias` the number 1, a penalty a number."""
    if name == "activation" and isinstance(node.value, list):
        return Setting(",".join(_text(child) for child in node.value), node.where)
    if name == "bias" and not isinstance(node.value, bool) and node.value == 1:
        return Setting("1", node.where)
    if name in ("l1", "l2") and isinstance(node.value, (int, float)):
        return Setting(f"{_number(node).value!r}", node.where)
    return Setting(_text(node), node.where)


def _number(node: _Node) -> Number:
    """A finite float. Raises BadValues for text, true, NaN, inf, and what float cannot hold."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadValues(f"{node.where}: {_kind(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        shown = "NaN" if math.isnan(number) else "a number too large or infinite"
        raise BadValues(f"{node.where}: {shown}; every value must be a finite number")
    return Number(number, node.where)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"{type(value).__name__} {quoted(value)}"


def _nested(node: _Node, depth: int) -> Nested:
    if isinstance(node.value, list):
        if depth > MAX_DEPTH:
            raise BadValues(f"{node.where}: nested too deeply")
        return tuple(_nested(child, depth + 1) for child in node.value)
    return _number(node)


def parse_set(text: str) -> Source:
    """`x1=0.05` as on the command line. Raises BadValues."""
    name, sign, number = text.partition("=")
    where = f"--set {text}" if len(text) <= 60 else f"--set {text[:60]}…"
    name = normalize("NFKC", name.strip())
    if not sign or not name:
        raise BadValues(f"--set {quoted(text)} is not NAME=NUMBER, e.g. x1=0.05")
    found = _number(_Node(_typed(number.strip()), where))
    return Source(where, numbers={"learning_rate" if name in RATES else name: found})


def _typed(text: str) -> Any:
    special = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf}
    if text.casefold() in special:
        return special[text.casefold()]
    return float(text.replace("_", "")) if _NUMBER.fullmatch(text) else text


# ---------------------------------------------------------------- drawn by a seed


def random_values(graph: Graph, seed: int) -> Source:
    """Every leaf drawn: two decimals, each name by itself, so that giving one changes no other.

    Raises BadValues where no draw gives every quantity a value.
    """
    where = f"--seed {seed}"
    for draw in range(DRAWS):
        numbers = {s: _drawn(graph, s, f"{seed}:{draw}") for s in leaves(graph)}
        numbers.update({s: float(Fraction(text)) for s, text in graph.values.items()})
        numbers.update(_shared_out(graph, numbers))
        try:
            evaluate(graph, numbers, where)
        except BadValues:
            continue
        named = {s.name: Number(value, where) for s, value in numbers.items() if s not in graph.values}
        named["learning_rate"] = named.pop(graph.rate.name)
        return Source(where, numbers=named)
    raise BadValues(f"{where}: no values were found at which every quantity of {graph.title} has a value")


def _drawn(graph: Graph, symbol: Symbol, seed: str) -> float:
    role = graph[symbol].role
    low, high = {"parameter": (-1.0, 1.0), "constant": (0.1, 0.9)}.get(role, (0.05, 0.95))
    low, high = graph.domains.get(symbol, (low, high))
    value = round(random.Random(f"{seed}:{symbol.name}").uniform(low, high), 2)
    return value or 0.5  # a weight of 0 would hide a path


def _shared_out(graph: Graph, numbers: Mapping[Symbol, float]) -> Mapping[Symbol, float]:
    """Targets that add up to 1, where they are the probabilities of the classes."""
    targets = [s for s, q in graph.quantities.items() if q.role == "target"]
    if not any(t in graph.constraints for t in targets):
        return {}
    total = sum(numbers[t] for t in targets)
    shares = [round(numbers[t] / total, 2) for t in targets[:-1]]
    return dict(zip(targets, [*shares, 1 - sum(shares)], strict=True))


# ---------------------------------------------------------------- all together


def leaves(graph: Graph) -> list[Symbol]:
    """Every leaf, the learning rate last."""
    found = [s for s, q in graph.quantities.items() if q.definition is None and s != graph.rate]
    return [*found, graph.rate]


def resolve(graph: Graph, sources: Sequence[Source], *, seed: int | None = None) -> Values:
    """One number for each leaf of `graph`; a later source wins over an earlier, `seed` fills the rest.

    The learning rate may be missing. Raises BadValues that names everything missing, or what does
    not fit: an unknown name, a wrong count, a name given twice, a number at which a quantity has no
    value.
    """
    numbers: dict[Symbol, Number] = {}
    rows: list[dict[Symbol, Number]] = []
    for source in sources:
        found, samples = _of(graph, source)
        numbers.update(found)
        if samples:
            rows = samples
        else:
            rows = [{**row, **{s: n for s, n in found.items() if s in row}} for row in rows]
    if seed is not None:
        drawn, _ = _of(graph, random_values(graph, seed))
        covered = set(numbers).union(*rows)
        numbers.update({s: n for s, n in drawn.items() if s not in covered})
    _state(graph, numbers)
    data = [s for s in leaves(graph) if graph[s].role in ("input", "target")]
    shared = {s: numbers[s] for s in data if s in numbers}
    samples = [_constrained(graph, {**shared, **row}) for row in rows or [{}]]
    _complete(graph, numbers, samples)
    if len(samples) > 1:
        numbers = {s: n for s, n in numbers.items() if s not in data}
    else:
        numbers.update(samples[0])
    values = {s: n.value for s, n in numbers.items()}
    each = tuple({s: row[s].value for s in data} for row in samples)
    for i, row in enumerate(each, 1):
        evaluate(graph, {**values, **row}, f"sample {i}" if len(each) > 1 else "")
    places = tuple({s: row[s].where for s in data} for row in samples)
    return Values(values, {s: n.where for s, n in numbers.items()}, each, places)


def known(graph: Graph, sources: Sequence[Source], sample: int | None = None) -> Mapping[Symbol, float]:
    """The numbers that the sources give, be they all or not; later sources win.

    Raises BadValues for a name that the graph has not, and for several samples of which none is named.
    """
    found: dict[Symbol, float] = {}
    for source in sources:
        numbers, rows = _of(graph, source)
        if sample is None and len(rows) > 1:
            raise BadValues(
                f"{source.where} has {len(rows)} samples: name one with --sample, e.g. --sample 1"
            )
        if sample is not None and rows and not 1 <= sample <= len(rows):
            raise BadValues(f"no sample {sample}: there are {len(rows)}, counted from 1")
        chosen = rows[(sample or 1) - 1] if rows else {}
        found |= {symbol: number.value for symbol, number in (*numbers.items(), *chosen.items())}
    return found


def _state(graph: Graph, numbers: dict[Symbol, Number]) -> None:
    """The constants whose number the network states, such as the factor of a penalty."""
    for symbol, text in graph.values.items():
        value = float(Fraction(text))
        given = numbers.get(symbol)
        if given is not None and given.value != value:
            raise BadValues(
                f"{given.where}: {quoted(symbol.name)} is {text} in {graph.title}, not {given.value!r}"
            )
        numbers[symbol] = Number(value, graph.title)


def _constrained(graph: Graph, row: dict[Symbol, Number]) -> dict[Symbol, Number]:
    """A sample with the leaf that the hypotheses give, where it was left out: t2 = 1 - t1."""
    from backprop_symbolic.algebra import symbols
    from backprop_symbolic.evaluate import Evaluator, Numbers
    from backprop_symbolic.printing import Plain

    for symbol, expr in graph.constraints.items():
        if not all(s in row for s in symbols(expr)):
            continue
        given = {s: complex(row[s].value) for s in symbols(expr)}
        point = Evaluator(graph, {}, Numbers(), given.__getitem__)
        value = point.value(expr).real
        if symbol in row and abs(row[symbol].value - value) > SUM:
            raise BadValues(
                f"{row[symbol].where}: {symbol.name} = {row[symbol].value!r}, but {symbol.name} = "
                f"{Plain({})(expr)} = {value:.6g}: the targets are probabilities and add up to 1"
            )
        row = {**row, symbol: row.get(symbol, Number(value, f"{symbol.name} = {Plain({})(expr)}"))}
    return row


def _complete(
    graph: Graph, numbers: Mapping[Symbol, Number], samples: Sequence[Mapping[Symbol, Number]]
) -> None:
    """Refuses with the names of all leaves that have no number."""
    missing: dict[str, list[str]] = {}
    for symbol in leaves(graph):
        role = graph[symbol].role
        given = all(symbol in row for row in samples) if role in ("input", "target") else symbol in numbers
        if not given and symbol != graph.rate:
            missing.setdefault(role, []).append(symbol.name)
    if missing:
        listed = "; ".join(
            f"{role}{'s' if len(names) > 1 else ''} {' '.join(names[:40])}"
            + (" …" if len(names) > 40 else "")
            for role, names in missing.items()
        )
        first = next(iter(missing.values()))[0]
        raise BadValues(
            f"no value for {listed}: give them in the values file or by --set {first}=0.5, "
            "or draw them with --seed 7"
        )


def _of(graph: Graph, source: Source) -> tuple[dict[Symbol, Number], list[dict[Symbol, Number]]]:
    """What a source says of this graph: numbers, and samples where it has several."""
    found: dict[Symbol, Number] = {}

    def put(symbol: Symbol, number: Number) -> None:
        if symbol in found:
            raise BadValues(
                f"{number.where}: {quoted(symbol.name)} is given twice, first at {found[symbol].where}"
            )
        found[symbol] = number

    for name, number in source.numbers.items():
        put(_leaf(graph, name, number.where), number)
    samples = [
        {_sampled(graph, name, number.where): number for name, number in row.items()}
        for row in source.samples
    ]
    for key, array in source.arrays.items():
        many = key in ("inputs", "targets") and _is_matrix(array)
        if many:
            samples = _rows(graph, key, cast(tuple[Nested, ...], array), samples, source.where)
            continue
        for symbol, number in _placed(graph, key, array, source.where):
            put(symbol, number)
    return found, samples


def _is_matrix(array: Nested) -> bool:
    return isinstance(array, tuple) and bool(array) and all(isinstance(row, tuple) for row in array)


def _rows(
    graph: Graph, key: str, array: tuple[Nested, ...], samples: list[dict[Symbol, Number]], where: str
) -> list[dict[Symbol, Number]]:
    """Several samples, one list each."""
    rows = [
        dict(_placed(graph, key, row, f"{where}, {quoted(f'{key}[{i}]')}")) for i, row in enumerate(array, 1)
    ]
    if not samples:
        return rows
    if len(samples) != len(rows):
        raise BadValues(f"{where}: {len(samples)} and {len(rows)} samples of inputs and targets")
    return [{**one, **other} for one, other in zip(samples, rows, strict=True)]


def _leaf(graph: Graph, name: str, where: str) -> Symbol:
    """The leaf called `name`: exactly, or up to `_ { } ^ ( )`. Raises BadValues."""
    if name in RATES and name not in {s.name for s in graph.quantities}:
        return graph.rate
    known = {s.name: s for s in leaves(graph)}
    if name in known:
        return known[name]
    bare = _bare(name)
    hits = [s for n, s in known.items() if _bare(n) == bare]
    if len(hits) == 1:
        return hits[0]
    if any(s.name == name for s in graph.quantities):
        raise BadValues(f"{where}: {quoted(name)} is computed in {graph.title}; only leaves have values")
    close = nearest(name, known)
    listed = list(known)[:24]
    hint = f" Did you mean {quoted(close)}?" if close else ""
    raise BadValues(
        f"{where}: no quantity {quoted(name)} in {graph.title}. Known: {' '.join(listed)}"
        f"{' …' if len(known) > 24 else ''}.{hint}"
    )


def _bare(name: str) -> str:
    return re.sub(r"[_{}^()\s\\,]", "", name)


def _sampled(graph: Graph, name: str, where: str) -> Symbol:
    symbol = _leaf(graph, name, where)
    if graph[symbol].role not in ("input", "target"):
        raise BadValues(
            f"{where}: {quoted(name)} is a {graph[symbol].role}; a row of samples holds inputs and targets"
        )
    return symbol


def _placed(graph: Graph, key: str, array: Nested, where: str) -> Iterator[tuple[Symbol, Number]]:
    """Each leaf with its number, where an array gives them by place."""
    where = f"{where}, {quoted(key)}" if quoted(key) not in where and key not in where else where
    quantities = graph.quantities.values()
    if key in ("inputs", "targets"):
        names = [q.symbol for q in quantities if q.role == key.removesuffix("s")]
        yield from _matched(names, array, where, key)
        return
    network = graph.network
    if network is None:
        raise BadValues(f"{where}: {graph.title} has no layers; give its parameters by name")
    layers = _list(array, network.layers, where, f"layers of a {network.title} network")
    for layer, inner in enumerate(layers, 1):
        here = f"{where}, layer {layer}"
        members = [q for q in quantities if q.definition is None and q.place.layer == layer]
        if key == "weights":
            rows = _list(inner, network.sizes[layer], here, "rows, one for each unit")
            for index, row in enumerate(rows, 1):
                names = [q.symbol for q in members if q.naming == "weight" and q.place.index == index]
                yield from _matched(names, row, f"{here}, row {index}", "weights")
        else:
            names = [q.symbol for q in members if q.naming.startswith("bias")]
            if not names:
                raise BadValues(f"{here}: bias mode {quoted(network.bias)} has no bias to give a value")
            if isinstance(inner, Number):
                inner = (inner,)
            yield from _matched(names, inner, here, "biases")


def _matched(
    names: Sequence[Symbol], array: Nested, where: str, what: str
) -> Iterator[tuple[Symbol, Number]]:
    for symbol, item in zip(names, _list(array, len(names), where, what), strict=True):
        if not isinstance(item, Number):
            raise BadValues(f"{where}: a list where the number of {quoted(symbol.name)} is expected")
        yield symbol, item


def _list(array: Nested, count: int, where: str, what: str) -> tuple[Nested, ...]:
    if isinstance(array, Number):
        raise BadValues(f"{where}: a number where a list is expected ({what}: {count})")
    if len(array) != count:
        raise BadValues(f"{where}: {len(array)} given, {count} needed ({what})")
    return array


# ---------------------------------------------------------------- the forward pass


def evaluate(graph: Graph, numbers: Mapping[Symbol, float], where: str = "") -> dict[Symbol, float]:
    """Every quantity's value. Raises BadValues that names the first quantity that has none."""
    from backprop_symbolic.algebra import symbols
    from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
    from backprop_symbolic.printing import Plain

    given = {s: complex(n) for s, n in numbers.items()}
    point = Evaluator(graph, graph.meanings, Numbers(), given.__getitem__)
    point.passed = True  # in topological order below, so that the one that fails has a name
    found = dict(numbers)
    for symbol, quantity in graph.quantities.items():
        if quantity.definition is None:
            continue
        try:
            value = point.value(quantity.definition).real
            if not math.isfinite(value):
                raise OverflowError("too large a number")
        except (Undecidable, ArithmeticError, ValueError) as error:
            inside = ", ".join(f"{s.name} = {found[s]:.6g}" for s in symbols(quantity.definition)[:8])
            place = f"{where}: " if where else ""
            reason = "too large a number" if isinstance(error, OverflowError) else str(error)
            raise BadValues(
                f"{place}{symbol.name} = {Plain({})(quantity.definition)} has no value at {inside}: {reason}"
            ) from None
        found[symbol] = value
        point.memo[symbol] = complex(value)
    return found


# ---------------------------------------------------------------- what the numbers are for


def stated(
    sources: Sequence[Source], given: Mapping[str, str | None]
) -> tuple[dict[str, str | None], list[str]]:
    """The network that sources and options state together, and what was told twice.

    `given` has the options of the command line by their settings (network, activation, …), None
    where one was not given. An option wins over a file, a later file over an earlier; each
    contradiction is a sentence in the second answer. A file that is about a graph does not go with
    options that are about networks. Raises BadValues.
    """
    chosen: dict[str, Setting] = {}
    notes: list[str] = []
    for source in sources:
        for name, setting in source.settings.items():
            before = chosen.get(name)
            if before is not None and before.text != setting.text:
                notes.append(f"{setting.where} = {quoted(setting.text)} is used, not {before.where}")
            chosen[name] = setting
    result: dict[str, str | None] = dict.fromkeys((*SETTINGS, *given))
    result.update({name: setting.text for name, setting in chosen.items()})
    for name, option in given.items():
        if option is None:
            continue
        before = chosen.get(name)
        if before is not None and before.text != option:
            notes.append(f"--{name} {option} is used, not {before.where} = {quoted(before.text)}")
        result[name] = option
    of_networks = [name for name in SETTINGS if name != "graph" and result.get(name) is not None]
    if result["graph"] is not None and "graph" in chosen and given.get("graph") is None and of_networks:
        raise BadValues(
            f"{chosen['graph'].where} is a graph: {quoted(of_networks[0])} is about networks and does not "
            "go with it"
        )
    return result, notes


# ---------------------------------------------------------------- examples

_EXAMPLES = Path(__file__).parent / "examples"


def examples() -> list[str]:
    """The published worked examples that ship with the package."""
    return sorted(path.stem for path in _EXAMPLES.glob("*.toml"))


def listed() -> list[dict[str, str]]:
    """The examples by name: what each is about, and where it was published."""
    found = []
    for name in examples():
        source = example(name)
        said = [
            source.settings[key].text for key in ("network", "activation", "loss") if key in source.settings
        ]
        about = " ".join(said) or "graph"
        found.append({"name": name, "summary": f"{about}  {source.address}", "source": source.address})
    return found


def example(name: str) -> Source:
    """The values of a published worked example. Raises UnknownName."""
    from backprop_symbolic.errors import unknown

    if name not in examples():
        raise unknown("example", name, examples())
    text = (_EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    return _toml(text, f"example {name}")


__all__ = [
"Number", "Setting", "Source", "Values", "evaluate", "example", "examples", "from_table", "known", "leaves",
    "load", "parse_set", "random_values", "resolve", "stated",
]  # fmt: skip
