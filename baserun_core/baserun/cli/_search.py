"""``baserun search``"""

from __future__ import annotations

from typing import Any

import click

from baserun.cli._lookup import user_to_filter
from baserun.cli._options import given, search_options
from baserun.cli._output import write_page
from baserun.cli._render._columns import HITS
from baserun.cli._stores import opened_store
from baserun.store import Store


@click.command(short_help="Find what was said.")
@click.argument("text", nargs=-1, required=True)
@search_options
@opened_store
def search(store: Store, text: tuple[str, ...], as_json: bool, user: str | None, **options: Any) -> None:
    """Find the calls in which all of these words were said, the latest first.

    Quotes inside TEXT keep words together: baserun search '"reset my password"'
    """
    words = " ".join(text)
    if not words.strip():
        raise click.UsageError("There is nothing to search for; write words that were said.")
    page = store.search(words, **given({"user": user_to_filter(store, user), **options}))
    write_page(HITS, page, "Nothing found.", as_json=as_json)
