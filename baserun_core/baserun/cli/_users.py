"""``baserun users``"""

from __future__ import annotations

import json
from typing import IO, Any

import click

from baserun.cli._confirm import confirm
from baserun.cli._groups import NounGroup, Problem
from baserun.cli._lookup import find_exact_user, find_user, nobody, user_to_filter
from baserun.cli._options import given, json_option, user_filters
from baserun.cli._output import Output, write_json, write_page
from baserun.cli._render._columns import SESSIONS, USERS
from baserun.cli._render._lines import BLANK
from baserun.cli._render._users import profile
from baserun.cli._stores import opened_store
from baserun.cli._waiting import say_if_locked
from baserun.store import ErasureReceipt, Store, StoredUser
from baserun.wording.amounts import plural
from baserun.wording.text import one_line, safe_json


@click.group(cls=NounGroup)
def users() -> None:
    """End users: list them, look at one, export or erase one.

    Alone, it lists them; `baserun users list --help` has the filters.
    """


@users.command("list")
@user_filters
@opened_store
def list_users(store: Store, as_json: bool, user: str | None, **filters: Any) -> None:
    """List users, the last seen first.

    Without a command, `baserun users` does the same.
    """
    page = store.users(**given({"user": user_to_filter(store, user), **filters}))
    write_page(USERS, page, "No user is like that.", as_json=as_json)


@users.command("show")
@click.argument("user")
@json_option
@opened_store
def show_user(store: Store, user: str, as_json: bool) -> None:
    """Look at one user and their latest sessions.

    USER is an identifier, its beginning, or an e-mail address.
    """
    found = find_user(store, user)
    if as_json:
        write_json(found.to_dict())
        return
    output = Output()
    output.lines([*profile(found, output.view), BLANK])
    output.items(SESSIONS, store.sessions(user=found.user_identifier), "No session of this user is left.")


@users.command("export")
@click.argument("user")
@click.option("-o", "--output", "file", type=click.File("w", encoding="utf-8"), default="-", help="The file to write.")
@opened_store
def export_user(store: Store, user: str, file: IO[str]) -> None:
    """Write everything that is stored of one user, one JSON object a line.

    USER is a whole identifier or an e-mail address.
    """
    found = _exactly(store, user)
    for record in store.export_user(found.user_identifier):
        click.echo(safe_json(json.dumps(record, ensure_ascii=False)), file=file)


@users.command("erase")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@opened_store
def erase_user(store: Store, user: str, yes: bool, as_json: bool) -> None:
    """Remove everything of one user for good, and print a receipt.

    USER is a whole identifier or an e-mail address.
    """
    found = _exactly(store, user)
    what = f"{plural(found.sessions, 'session')} and {plural(found.traces, 'trace')}"
    confirm(f"Erase user {one_line(found.user_identifier)} with {what} for good?", yes)
    say_if_locked()
    receipt = store.erase_user(found.user_identifier)
    if as_json:
        write_json(receipt.to_dict())
    else:
        click.echo(_in_words(receipt))


def _exactly(store: Store, user: str) -> StoredUser:
    found = find_exact_user(store, user)
    if found is None:
        raise Problem(nobody(user))
    return found


def _in_words(receipt: ErasureReceipt) -> str:
    removed = (
        plural(receipt.sessions, "session"),
        plural(receipt.traces, "trace"),
        plural(receipt.spans, "span"),
        plural(receipt.annotations, "annotation"),
    )
    when = receipt.erased_at.isoformat(timespec="seconds")
    return f"Erased user {one_line(receipt.user_identifier)} at {when}: {', '.join(removed)}."
