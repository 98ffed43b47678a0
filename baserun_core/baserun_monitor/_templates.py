"""The templates: everything that they print is escaped, and control characters are made visible."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from baserun.store.filters import is_positive
from baserun.wording.calls import error_in_words
from baserun.wording.costs import brief_cost_of, cost_of, is_counted, left_out_of, why_unknown
from baserun.wording.tokens import are_known, tokens_in_words
from baserun.wording.values import UNRECORDED, compact, value_in_words
from baserun_monitor import _formats, _texts

STATIC = {"pages.css": "text/css", "pages.js": "text/javascript", "icon.svg": "image/svg+xml"}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the Jinja environment of all templates."""
    made = Environment(
        loader=PackageLoader("baserun_monitor"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update({name: getattr(_formats, name) for name in _formats.__all__})
    made.globals.update(
        fold=_texts.fold,
        pretty_json=_texts.pretty_json,
        compact_json=compact,
        value_in_words=value_in_words,
        unrecorded=UNRECORDED,
        error_in_words=error_in_words,
        tokens_in_words=tokens_in_words,
        are_tokens_known=are_known,
        cost_of=cost_of,
        brief_cost_of=brief_cost_of,
        is_counted=is_counted,
        left_out_of=left_out_of,
        why_unknown=why_unknown,
        is_positive=is_positive,
    )
    return made


@lru_cache(maxsize=len(STATIC))
def static(name: str) -> bytes:
    """Return the content of a static file."""
    return files("baserun_monitor").joinpath("static", name).read_bytes()


@lru_cache(maxsize=1)
def version() -> str:
    """Return a hash of the static files; with it in their URLs, browsers may cache them forever."""
    return sha256(b"".join(static(name) for name in STATIC)).hexdigest()[:12]


def _visible(value: Any) -> Any:
    return _formats.safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value
