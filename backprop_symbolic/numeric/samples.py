"""Samples for training: given ones, or a CSV file read batch by batch and never held.

A file has a first row of names, those of the inputs and targets in any order, and one sample in
each row after it. It is read through once before anything begins, so that a wrong cell is met
first; then once for each epoch. Shuffled, it is read by the places of its rows: 16 bytes for each.
"""

from __future__ import annotations

import csv
import hashlib
import math
import random
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from backprop_symbolic.errors import BadSamples, quoted, unknown

MAX_LINE = 10_000_000  # bytes of one row

#: Inputs and targets of a few samples, one list of numbers each.
Batch = tuple[list[Sequence[float]], list[Sequence[float]]]


class Samples(Protocol):
    """Where batches come from.

    count   how many samples there are
    digest  what tells them from others
    """

    @property
    def count(self) -> int: ...
    @property
    def digest(self) -> str: ...
    def batches(self, size: int, epoch: int = 0, skip: int = 0) -> Iterator[Batch]:
        """Batches of `size` samples, the last may be smaller, from the `skip`-th sample on."""


def order(count: int, seed: int, epoch: int) -> array[int]:
    """The samples of one epoch in the order of its shuffle, which seed and epoch alone determine."""
    places = array("q", range(count))
    random.Random(f"{seed}:{epoch}").shuffle(places)
    return places


@dataclass(frozen=True)
class Given:
    """Samples in memory; shuffled in each epoch where there is a seed for it."""

    inputs: tuple[Sequence[float], ...]
    targets: tuple[Sequence[float], ...]
    shuffle: int | None = None

    @property
    def count(self) -> int:
        return len(self.inputs)

    @property
    def digest(self) -> str:
        text = repr([[float(v).hex() for v in row] for row in (*self.inputs, *self.targets)])
        return hashlib.sha256(text.encode()).hexdigest()

    def batches(self, size: int, epoch: int = 0, skip: int = 0) -> Iterator[Batch]:
        places = range(self.count) if self.shuffle is None else order(self.count, self.shuffle, epoch)
        for start in range(skip, self.count, size):
            chosen = places[start : start + size]
            yield [self.inputs[i] for i in chosen], [self.targets[i] for i in chosen]


@dataclass(frozen=True)
class InFile:
    """Samples in a CSV file.

    columns  for each input and then each target the column it stands in
    starts   where each row begins, needed for a shuffle alone
    """

    path: Path
    columns: tuple[int, ...]
    inputs: int
    count: int
    digest: str
    shuffle: int | None = None
    starts: array[int] = field(default_factory=lambda: array("q"), repr=False, compare=False)

    def batches(self, size: int, epoch: int = 0, skip: int = 0) -> Iterator[Batch]:
        x: list[Sequence[float]] = []
        t: list[Sequence[float]] = []
        for row in self.rows(epoch, skip):
            x.append(row[: self.inputs])
            t.append(row[self.inputs :])
            if len(x) == size:
                yield x, t
                x, t = [], []
        if x:
            yield x, t

    def rows(self, epoch: int, skip: int) -> Iterator[list[float]]:
        """The numbers of each sample, in the order of the epoch."""
        found = 0 if self.shuffle is not None else -skip
        try:
            with self.path.open("rb") as file:
                if self.shuffle is None:
                    for number, line in _lines(file, self.path):
                        if number > 1 and (found := found + 1) > 0:
                            yield self.numbers(line, number)
                else:
                    for place in order(self.count, self.shuffle, epoch)[skip:]:
                        file.seek(self.starts[place])
                        found += 1
                        yield self.numbers(_text(file.readline(MAX_LINE), self.path, place + 2), place + 2)
        except OSError as error:
            raise BadSamples(f"samples {quoted(self.path)}: {error.strerror}") from None
        if found != self.count - skip:
            raise BadSamples(f"samples {quoted(self.path)}: the file was changed while it was used")

    def numbers(self, line: str, number: int) -> list[float]:
        cells = _cells(line, self.path, number)
        try:
            return [_number(cells[column]) for column in self.columns]
        except (ValueError, IndexError):
            raise _wrong(cells, self.columns, self.path, number) from None


def read(path: Path, inputs: Sequence[str], targets: Sequence[str], shuffle: int | None = None) -> InFile:
    """The samples of a file, every cell of it looked at.

    Raises BadSamples with line and column, UnknownName for a column that is none of the names.
    """
    where = f"samples {quoted(path)}"
    wanted = [*inputs, *targets]
    columns: tuple[int, ...] = ()
    starts, count, place, width = array("q"), 0, 0, 0
    hashed = hashlib.sha256()
    try:
        if not path.is_file():
            raise BadSamples(f"{where}: {'not a file' if path.exists() else 'No such file or directory'}")
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
                hashed.update(raw)
                cells = _cells(_text(raw, path, number), path, number)
                if number == 1:
                    columns, width = _columns([c.strip() for c in cells], wanted, path), len(cells)
                else:
                    if len(cells) != width:
                        what = "an empty line" if not raw.strip() else f"{len(cells)} cells for {width} names"
                        raise BadSamples(f"{path}, line {number}: {what}")
                    try:
                        for column in columns:
                            _number(cells[column])
                    except ValueError:
                        raise _wrong(cells, columns, path, number) from None
                    count += 1
                    if shuffle is not None:
                        starts.append(place)
                place += len(raw)
    except OSError as error:
        raise BadSamples(f"{where}: {error.strerror}") from None
    if not count:
        raise BadSamples(f"{where} has {'names but no sample' if columns else 'no first row of names'}")
    return InFile(path, columns, len(inputs), count, hashed.hexdigest(), shuffle, starts)


def _lines(file: object, path: Path) -> Iterator[tuple[int, str]]:
    read_line = file.readline  # type: ignore[attr-defined]
    for number, raw in enumerate(iter(lambda: read_line(MAX_LINE), b""), 1):
        yield number, _text(raw, path, number)


def _text(raw: bytes, path: Path, number: int) -> str:
    if len(raw) >= MAX_LINE:
        raise BadSamples(f"{path}, line {number}: the line is longer than {MAX_LINE} bytes")
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadSamples(f"{path}, line {number}: not UTF-8 text (byte {error.start + 1})") from None


def _cells(line: str, path: Path, number: int) -> list[str]:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise BadSamples(f"{path}, line {number}: not CSV: {error}") from None


def _number(cell: str) -> float:
    """A finite number. Raises ValueError."""
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _wrong(cells: Sequence[str], columns: Sequence[int], path: Path, number: int) -> BadSamples:
    """The error that names the first cell which is no number."""
    for column in sorted(columns):
        if column >= len(cells):
            return BadSamples(f"{path}, line {number}: {len(cells)} cells are too few")
        try:
            _number(cells[column])
        except ValueError:
            shown = quoted(cells[column].strip()) if cells[column].strip() else "nothing"
            return BadSamples(f"{path}, line {number}, column {column + 1}: {shown} is not a finite number")
    return BadSamples(f"{path}, line {number}: not a sample")


def _columns(head: Sequence[str], wanted: Sequence[str], path: Path) -> tuple[int, ...]:
    """The column of each wanted name, which may be spelled without `_ { } ^ ( )`; each has one."""
    spelled = {_bare(name): name for name in wanted}
    found: dict[str, int] = {}
    for i, name in enumerate(head):
        known = name if name in wanted else spelled.get(_bare(name))
        if known is None:
            raise unknown("input or target", name, wanted, f"({path}, line 1, column {i + 1})")
        if known in found:
            raise BadSamples(f"{path}, line 1, column {i + 1}: {quoted(name)} names two columns")
        found[known] = i
    missing = [name for name in wanted if name not in found]
    if missing:
        listed = " ".join(missing[:12]) + (" …" if len(missing) > 12 else "")
        raise BadSamples(f"{path}, line 1: no column for {listed}")
    return tuple(found[name] for name in wanted)


def _bare(name: str) -> str:
    return re.sub(r"[_{}^()\s\\]", "", name)
