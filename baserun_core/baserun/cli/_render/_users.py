"""Rendering a user."""

from __future__ import annotations

from collections.abc import Iterator

from baserun.cli._render._lines import QUIET, STRONG, Line, line
from baserun.cli._render._totals import totals
from baserun.cli._render._view import View
from baserun.store import StoredUser
from baserun.wording.amounts import plural
from baserun.wording.text import facts


def profile(user: StoredUser, view: View) -> Iterator[Line]:
    """Yield identifier, times and totals of a user."""
    yield line((f"User {user.user_identifier}", STRONG))
    yield line((f"first seen {view.when(user.first_seen_at)} · last seen {view.when(user.last_seen_at)}", QUIET))
    counts = facts(plural(user.sessions, "session"), plural(user.traces, "trace"), totals(user))
    yield line((counts, QUIET))
