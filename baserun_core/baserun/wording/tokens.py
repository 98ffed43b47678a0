"""The tokens of calls in words."""

from __future__ import annotations

from typing import Protocol

from baserun.store import StoredUsage
from baserun.wording.amounts import count


class HasTokens(Protocol):
    """A call's usage, or a record with the tokens of several calls."""

    @property
    def input_tokens(self) -> int | None: ...

    @property
    def output_tokens(self) -> int | None: ...


def are_known(tokens: HasTokens | None) -> bool:
    """Whether any tokens are known."""
    return tokens is not None and (tokens.input_tokens is not None or tokens.output_tokens is not None)


def tokens_in_words(tokens: HasTokens | None) -> str | None:
    """Return tokens such as ``1,234 in, 56 out``; ``1,234 in`` of embeddings; None if they are unknown.

    Of one call the cached and the reasoning tokens are told too: ``1,234 in (1,024 cached), 56 out (12 reasoning)``.
    """
    if tokens is None or not are_known(tokens):
        return None
    cached, reasoning = None, None
    if isinstance(tokens, StoredUsage):
        cached, reasoning = tokens.cached_input_tokens, tokens.reasoning_tokens
    given = f"{count(tokens.input_tokens)} in{_of_which(cached, 'cached')}"
    if tokens.output_tokens is None:
        return given
    return f"{given}, {count(tokens.output_tokens)} out{_of_which(reasoning, 'reasoning')}"


def _of_which(number: int | None, kind: str) -> str:
    return f" ({count(number)} {kind})" if number else ""
