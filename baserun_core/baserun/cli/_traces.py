"""``baserun traces``"""

from __future__ import annotations

from typing import Any

import click

from baserun.cli._groups import NounGroup
from baserun.cli._lookup import find_session, find_trace, user_to_filter
from baserun.cli._options import full_option, given, json_option, trace_filters
from baserun.cli._output import Output, write_json, write_page
from baserun.cli._render._columns import TRACES
from baserun.cli._render._conversation import one_trace
from baserun.cli._render._lines import BLANK
from baserun.cli._render._tree import tree
from baserun.cli._stores import opened_store
from baserun.store import Store


@click.group(cls=NounGroup)
def traces() -> None:
    """Requests, functions and tests: list them, or look into one.

    Alone, it lists them; `baserun traces list --help` has the filters.
    """


@traces.command("list")
@trace_filters
@opened_store
def list_traces(store: Store, as_json: bool, user: str | None, session: str | None, **filters: Any) -> None:
    """List traces, the last started first.

    Without a command, `baserun traces` does the same.
    """
    session_id = None if session is None else find_session(store, session).id
    page = store.traces(**given({"user": user_to_filter(store, user), "session": session_id, **filters}))
    write_page(TRACES, page, "No trace is like that.", as_json=as_json)


@traces.command("show")
@click.argument("trace_id", metavar="ID")
@json_option
@full_option
@opened_store
def show_trace(store: Store, trace_id: str, as_json: bool, is_full: bool) -> None:
    """Look into one trace: its spans with how long each took, and what was said.

    ID may be the beginning of an id, or its shortened form in a table.
    """
    trace = find_trace(store, trace_id)
    if as_json:
        write_json(trace.to_dict())
        return
    output = Output(is_full=is_full)
    output.lines(tree(trace, output.view, output.width))
    told = list(one_trace(trace, output.view))
    output.lines([BLANK, *told] if told else [])
