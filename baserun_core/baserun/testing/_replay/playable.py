"""Whether a call can be replayed: an integration may have stored its output in a form that no client receives."""

from __future__ import annotations

from typing import Any

from baserun.testing._replay.recording import Exchange
from baserun.testing._replay.wire import pieces_of

_KINDS = {str: "text", bool: "a truth value", int: "a number", float: "a number", dict: "one object", list: "a list"}


def oddity_of(output: Any) -> str | None:
    """Say what in a stored output is not a message; None if all items are messages."""
    if output is None:
        return None
    if not isinstance(output, list):
        return f"has {_kind(output)} as its output, and no list of messages"
    odd = [item for item in output if not isinstance(item, dict)]
    return f"has {_kind(odd[0])} in its output, in the place of a message" if odd else None


def is_playable(exchange: Exchange) -> bool:
    """Whether the answer can be encoded: the contents of messages may have any form, too."""
    try:
        pieces_of(exchange.request, exchange.answer)
    except (AttributeError, LookupError, TypeError, ValueError):
        return False
    return True


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "nothing")
