"""The state of the rows that a batch touches: as stored, and as they will be written."""

from __future__ import annotations

from baserun.store.sqlite import _rollups


class UserState:
    """A user's row."""

    __slots__ = ("first_us", "id", "identifier", "is_dirty", "is_new", "last_us", "sessions", "sums")

    def __init__(self, row_id: int, identifier: str, *, is_new: bool) -> None:
        self.id = row_id
        self.identifier = identifier
        self.is_new = is_new
        self.is_dirty = is_new
        self.first_us: int | None = None
        self.last_us = 0
        self.sessions = 0
        self.sums = _rollups.none()

    def see(self, first_us: int, last_us: int) -> None:
        """Extend the time in which the user was seen."""
        if self.first_us is None or first_us < self.first_us:
            self.first_us = first_us
            self.is_dirty = True
        if last_us > self.last_us:
            self.last_us = last_us
            self.is_dirty = True


class SessionState:
    """A session's row and its texts."""

    __slots__ = (
        "closed_us",
        "direct",
        "event_first_us",
        "event_last_us",
        "first_input",
        "first_input_us",
        "id",
        "identifier",
        "is_dirty",
        "is_new",
        "last_output",
        "last_output_us",
        "last_us",
        "metadata",
        "opened_us",
        "previous",
        "started_us",
        "stored_strength",
        "stored_user",
        "strength",
        "sums",
        "texts_are_dirty",
        "user",
    )

    def __init__(self, row_id: int, identifier: str, *, is_new: bool) -> None:
        self.id = row_id
        self.identifier = identifier
        self.is_new = is_new
        self.is_dirty = is_new
        self.texts_are_dirty = False
        self.user: UserState | None = None
        self.strength = 0
        self.stored_user: UserState | None = None
        self.stored_strength = 0
        self.started_us: int | None = None
        self.last_us = 0
        self.event_first_us: int | None = None
        self.event_last_us: int | None = None
        self.opened_us: int | None = None
        self.closed_us: int | None = None
        self.previous: str | None = None
        self.sums = _rollups.none()
        self.direct = (0, 0, 0, 0)
        self.metadata: str | None = None
        self.first_input_us: int | None = None
        self.first_input: str | None = None
        self.last_output_us: int | None = None
        self.last_output: str | None = None

    def see(self, first_us: int, last_us: int) -> None:
        """Extend the time in which the session was active."""
        if self.started_us is None or first_us < self.started_us:
            self.started_us = first_us
            self.is_dirty = True
        if last_us > self.last_us:
            self.last_us = last_us
            self.is_dirty = True

    def happen(self, at_us: int) -> None:
        """Note an event of the session itself."""
        self.is_dirty = True
        self.event_first_us = at_us if self.event_first_us is None else min(self.event_first_us, at_us)
        self.event_last_us = at_us if self.event_last_us is None else max(self.event_last_us, at_us)
        self.see(at_us, at_us)

    def own(self, user: UserState, strength: int) -> None:
        """Set the owner of the session, if this one is known more firmly than the present one."""
        if strength > self.strength:
            self.user, self.strength = user, strength
            self.is_dirty = True

    def preview(self, started_us: int, first: str | None, last: str | None) -> None:
        """Keep a call's previews if it is the earliest or the latest; for equal times the order of rows decides."""
        if first is not None and (self.first_input_us is None or started_us < self.first_input_us):
            self.first_input_us, self.first_input = started_us, first
            self.texts_are_dirty = True
        if last is not None and (self.last_output_us is None or started_us >= self.last_output_us):
            self.last_output_us, self.last_output = started_us, last
            self.texts_are_dirty = True

    @property
    def is_there(self) -> bool:
        """Whether the session exists: it has traces or events; one that a trace named and left again does not."""
        return self.event_first_us is not None or self.sums[_rollups.TRACES] > 0


class TraceState:
    """A trace's row; some columns are only known, and written, at its completion."""

    __slots__ = (
        "announced_us",
        "duration_us",
        "environment",
        "error_message",
        "error_type",
        "failed_spans",
        "id",
        "is_completed",
        "is_dirty",
        "is_new",
        "key",
        "kind",
        "last_us",
        "metadata",
        "moved_us",
        "name",
        "own_user",
        "result",
        "session",
        "started_us",
        "status",
        "stored_latency",
        "stored_session",
        "stored_sums",
        "stored_user",
        "strength",
        "sums",
        "tags",
    )

    def __init__(self, row_id: int, key: bytes, *, is_new: bool) -> None:
        self.id = row_id
        self.key = key
        self.is_new = is_new
        self.is_dirty = is_new
        self.session: SessionState | None = None
        self.own_user: UserState | None = None
        self.strength = 0
        self.name = ""
        self.kind = ""
        self.environment: str | None = None
        self.status = "running"
        self.error_type: str | None = None
        self.started_us = 0
        self.announced_us = 0
        """The start as known before this batch; another process that continues the trace may have guessed it."""
        self.duration_us: int | None = None
        self.last_us = 0
        self.moved_us: int | None = None
        self.failed_spans = 0
        self.sums = _rollups.none()
        self.is_completed = False
        self.error_message: str | None = None
        self.result: str | None = None
        self.metadata: str | None = None
        self.tags: str | None = None
        self.stored_session: SessionState | None = None
        self.stored_user: UserState | None = None
        self.stored_sums: list[int] | None = None
        self.stored_latency: int | None = None

    @property
    def user(self) -> UserState | None:
        """The trace's own user if known as firmly as the session's owner, otherwise the owner."""
        if self.session is not None and self.session.strength > self.strength:
            return self.session.user
        return self.own_user

    @property
    def has_content(self) -> bool:
        """Whether the trace itself, apart from its spans, has content."""
        return self.error_message is not None or self.result is not None

    def own(self, user: UserState, strength: int) -> None:
        """Set the trace's own user, if this one is known more firmly than the present one."""
        if strength > self.strength:
            self.own_user, self.strength = user, strength
            self.is_dirty = True

    def settle(self) -> None:
        """Set the sums that follow from the others."""
        self.sums[_rollups.TRACES] = 1
        self.sums[_rollups.TURNS] = 1 if self.sums[_rollups.LLM_CALLS] else 0
        self.sums[_rollups.ERRORS] = self.failed_spans or (1 if self.status == "error" else 0)
