"""The state of the rows that a batch touches: as stored, and as they will be written."""

from __future__ import annotations

import msgspec

from baserun.store.sqlite import _rollups


class UserState(msgspec.Struct, eq=False):
    """A user's row."""

    id: int
    identifier: str
    is_new: bool = False
    is_dirty: bool = False
    first_us: int | None = None
    last_us: int = 0
    sessions: int = 0
    sums: list[int] = msgspec.field(default_factory=_rollups.none)

    def see(self, first_us: int, last_us: int) -> None:
        """Extend the time in which the user was seen."""
        if self.first_us is None or first_us < self.first_us:
            self.first_us = first_us
            self.is_dirty = True
        if last_us > self.last_us:
            self.last_us = last_us
            self.is_dirty = True


class SessionState(msgspec.Struct, eq=False):
    """A session's row and its texts."""

    id: int
    identifier: str
    is_new: bool = False
    is_dirty: bool = False
    texts_are_dirty: bool = False
    user: UserState | None = None
    strength: int = 0
    stored_user: UserState | None = None
    stored_strength: int = 0
    started_us: int | None = None
    last_us: int = 0
    event_first_us: int | None = None
    event_last_us: int | None = None
    opened_us: int | None = None
    closed_us: int | None = None
    previous: str | None = None
    sums: list[int] = msgspec.field(default_factory=_rollups.none)
    direct: tuple[int, int, int, int] = (0, 0, 0, 0)
    metadata: str | None = None
    first_input_us: int | None = None
    first_input: str | None = None
    last_output_us: int | None = None
    last_output: str | None = None

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


class TraceState(msgspec.Struct, eq=False):
    """A trace's row; some columns are only known, and written, at its completion."""

    id: int
    key: bytes
    is_new: bool = False
    is_dirty: bool = False
    session: SessionState | None = None
    own_user: UserState | None = None
    strength: int = 0
    name: str = ""
    kind: str = ""
    environment: str | None = None
    status: str = "running"
    error_type: str | None = None
    started_us: int = 0
    announced_us: int = 0
    """The start as known before this batch; another process that continues the trace may have guessed it."""
    duration_us: int | None = None
    last_us: int = 0
    moved_us: int | None = None
    failed_spans: int = 0
    sums: list[int] = msgspec.field(default_factory=_rollups.none)
    is_completed: bool = False
    error_message: str | None = None
    result: str | None = None
    metadata: str | None = None
    tags: str | None = None
    stored_session: SessionState | None = None
    stored_user: UserState | None = None
    stored_sums: list[int] | None = None
    stored_latency: int | None = None

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
