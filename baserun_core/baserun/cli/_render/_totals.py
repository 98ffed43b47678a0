"""The totals of a session or user on one line."""

from __future__ import annotations

from baserun.store import StoredSession, StoredUser
from baserun.wording.amounts import plural, score_in_words
from baserun.wording.costs import cost_of, is_counted
from baserun.wording.text import facts
from baserun.wording.tokens import tokens_in_words


def totals(whole: StoredSession | StoredUser) -> str:
    """Return calls, errors, tokens, cost and feedback."""
    score = whole.feedback_score
    return facts(
        plural(whole.llm_calls, "call"),
        plural(whole.errors, "error") if whole.errors else None,
        (tokens_in_words(whole) or "tokens unknown") if is_counted(whole) else None,
        cost_of(whole) if is_counted(whole) else None,
        None if score is None else f"feedback {score_in_words(score)}",
    )
