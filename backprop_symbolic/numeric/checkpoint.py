"""Checkpoints: a training's whole state as JSON, every number in hexadecimal, so that none changes.

    save(path, trainer, about)     writes it, whole or not at all
    restore(path, trainer, about)  the trainer as it was

`about` says what is trained: network, optimiser, samples and so on, by name. A checkpoint in which
any of them is another is refused with that name. The shuffle of an epoch follows from the seed and
the epoch's number, so these two are the state of the random numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from backprop_symbolic.errors import BadCheckpoint, OutputRefused, quoted
from backprop_symbolic.files import replacing
from backprop_symbolic.numeric.train import Curve, Trainer

FORMAT, VERSION = "backprop-symbolic checkpoint", 1
MAX_FILE = 2_000_000_000  # bytes

#: What a checkpoint is of, in words, by name.
About = Mapping[str, Any]
_COUNTS = ("iteration", "epoch", "position", "began", "waited")
_NUMBERS = ("total", "best")


def save(path: str | Path, trainer: Trainer, about: About) -> None:
    """Writes the checkpoint. Raises OutputRefused."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "about": dict(about),
        **{name: getattr(trainer, name) for name in _COUNTS},
        **{name: float(getattr(trainer, name)).hex() for name in _NUMBERS},
        "parameters": _hexed(trainer.parameters),
        "states": [_hexed(state) for state in trainer.states],
        "curve": {
            "stride": trainer.curve.stride,
            "seen": trainer.curve.seen,
            "points": [[i, e.hex()] for i, e in trainer.curve.points],
        },
    }
    try:
        with replacing(path) as file:
            file.write(json.dumps(data, ensure_ascii=False, indent=1).encode())
            file.write(b"\n")
    except OSError as error:
        raise OutputRefused(f"cannot write {quoted(path)}: {error.strerror}") from None


def restore(path: str | Path, trainer: Trainer, about: About) -> None:
    """Brings `trainer` to where the checkpoint was written. Raises BadCheckpoint."""
    data = _read(Path(path))
    where = f"checkpoint {quoted(path)}"
    before = data.get("about")
    if not isinstance(before, dict):
        raise BadCheckpoint(f"{where} does not say what it is of")
    for name, value in json.loads(json.dumps(dict(about))).items():
        if before.get(name) != value:
            raise BadCheckpoint(
                f"{where} is of another training: its {name} is {quoted(before.get(name))}, "
                f"here it is {quoted(value)}"
            )
    try:
        parameters = _like(trainer.parameters, data["parameters"])
        states = tuple(_like(s, d) for s, d in zip(trainer.states, data["states"], strict=True))
        counts = {name: _count(data[name]) for name in _COUNTS}
        numbers = {name: float.fromhex(data[name]) for name in _NUMBERS}
        points = [(_count(i), float.fromhex(e)) for i, e in data["curve"]["points"]]
        curve = Curve(points, _count(data["curve"]["stride"]), _count(data["curve"]["seen"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadCheckpoint(f"{where} is damaged: {type(error).__name__} {error}") from None
    trainer.parameters, trainer.states, trainer.curve = parameters, states, curve
    for name, value in {**counts, **numbers}.items():
        setattr(trainer, name, value)


def _read(path: Path) -> dict[str, Any]:
    where = f"checkpoint {quoted(path)}"
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
        data = json.loads(raw.decode("utf-8")) if len(raw) <= MAX_FILE else None
    except OSError as error:
        raise BadCheckpoint(f"{where}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise BadCheckpoint(f"{where} is not JSON") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BadCheckpoint(f"{where} was not written by backprop train --checkpoint")
    if data.get("version") != VERSION:
        raise BadCheckpoint(f"{where} has version {quoted(data.get('version'))}, not {VERSION}")
    return data


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value


def _hexed(values: Any) -> list[Any]:
    """Numbers, or arrays of them, as text."""
    return [_nested(v.tolist(), float.hex) if hasattr(v, "tolist") else float(v).hex() for v in values]


def _nested(value: Any, convert: Callable[[Any], Any]) -> Any:
    return [_nested(v, convert) for v in value] if isinstance(value, list) else convert(value)


def _like(given: Any, data: Any) -> Any:
    """The numbers of `data` in the form of `given`. Raises ValueError where they are not as many."""
    pairs = list(zip(given, data, strict=True))
    if all(not hasattr(one, "tolist") for one, _ in pairs):
        return tuple(float.fromhex(text) for _, text in pairs)
    import numpy as np

    found = [np.array(_nested(text, float.fromhex), array.dtype) for array, text in pairs]
    if any(new.shape != old.shape for new, (old, _) in zip(found, pairs, strict=True)):
        raise ValueError("an array of another shape")
    return found
