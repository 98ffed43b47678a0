"""``baserun sessions``"""

from __future__ import annotations

from typing import Any

import click

from baserun.cli._groups import NounGroup
from baserun.cli._lookup import find_session, user_to_filter
from baserun.cli._options import full_option, given, json_option, session_filters
from baserun.cli._output import Output, write_json, write_page
from baserun.cli._render._columns import SESSIONS
from baserun.cli._render._conversation import conversation
from baserun.cli._stores import opened_store
from baserun.cli._to_test import to_test
from baserun.store import Store


@click.group(cls=NounGroup)
def sessions() -> None:
    """Conversations: list them, or read one.

    Alone, it lists them; `baserun sessions list --help` has the filters.
    """


@sessions.command("list")
@session_filters
@opened_store
def list_sessions(store: Store, as_json: bool, user: str | None, **filters: Any) -> None:
    """List sessions, the last active first.

    Without a command, `baserun sessions` does the same.
    """
    page = store.sessions(**given({"user": user_to_filter(store, user), **filters}))
    write_page(SESSIONS, page, "No session is like that.", as_json=as_json)


@sessions.command("show")
@click.argument("session_id", metavar="ID")
@json_option
@full_option
@opened_store
def show_session(store: Store, session_id: str, as_json: bool, is_full: bool) -> None:
    """Read one session as a conversation.

    ID may be the beginning of an id, or its shortened form in a table.
    """
    session = find_session(store, session_id)
    if as_json:
        write_json(session.to_dict())
    else:
        output = Output(is_full=is_full)
        output.lines(conversation(session, store.chain(session.id), output.view))


sessions.add_command(to_test)
