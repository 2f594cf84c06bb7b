"""Every step with its rule and evidence, for programs."""

from __future__ import annotations

from backprop_symbolic.derivation import Derivation
from backprop_symbolic.jsonform import as_json
from backprop_symbolic.rendering.base import Format, Options, formats

SCHEMA = "1.2"


def write(derivation: Derivation, options: Options) -> str:
    """The derivation as JSON."""
    import json

    return json.dumps(as_json(derivation, options, SCHEMA), ensure_ascii=False, indent=2) + "\n"


formats.register(
    Format("json", "every step with its rule and evidence, for programs", write=write, suffix=".json")
)
