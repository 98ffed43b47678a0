"""Rendering a user."""

from __future__ import annotations

from collections.abc import Iterator

from baserun.cli._render._lines import QUIET, STRONG, Line, line
from baserun.cli._render._view import View
from baserun.store import StoredUser
from baserun.wording.amounts import count, plural, score_in_words
from baserun.wording.costs import cost_of, is_counted
from baserun.wording.text import facts


def profile(user: StoredUser, view: View) -> Iterator[Line]:
    """Yield identifier, times and totals of a user."""
    yield line((f"User {user.user_identifier}", STRONG))
    yield line((f"first seen {view.when(user.first_seen_at)} · last seen {view.when(user.last_seen_at)}", QUIET))
    score = user.feedback_score
    yield line(
        (
            facts(
                plural(user.sessions, "session"),
                plural(user.traces, "trace"),
                plural(user.llm_calls, "call"),
                plural(user.errors, "error") if user.errors else None,
                f"{count(user.input_tokens)} in, {count(user.output_tokens)} out" if is_counted(user) else None,
                cost_of(user) if is_counted(user) else None,
                None if score is None else f"feedback {score_in_words(score)}",
            ),
            QUIET,
        )
    )
