"""``baserun prune``"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from baserun.cli._confirm import confirm
from baserun.cli._options import json_option
from baserun.cli._output import write_json
from baserun.cli._stores import opened_store
from baserun.cli._types import AGE
from baserun.cli._waiting import say_if_locked
from baserun.store import PruneReceipt, Store
from baserun.wording.amounts import plural
from baserun.wording.times import local


@click.command(short_help="Remove what is old.")
@click.option("--older-than", type=AGE, required=True, help="What was not active since then: 30d, 12h, 26w.")
@click.option("--content-only", is_flag=True, help="Remove what was said; keep sessions, tokens and costs.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@opened_store
def prune(store: Store, older_than: timedelta, content_only: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove old sessions with all that is in them, or only their content."""
    before = datetime.now(UTC) - older_than
    if not dry_run:
        what = "what was said in all traces from" if content_only else "all sessions last active"
        confirm(f"Remove {what} before {local(before)} for good?", yes)
        say_if_locked()
    receipt = store.prune(before=before, content_only=content_only, dry_run=dry_run)
    if as_json:
        write_json({"dry_run": True, **receipt.to_dict()} if dry_run else receipt.to_dict())
    elif dry_run:
        click.echo(f"Would remove {_in_words(receipt, content_only)}; nothing was changed.")
    else:
        click.echo(f"Removed {_in_words(receipt, content_only)}.")


def _in_words(receipt: PruneReceipt, content_only: bool) -> str:
    before = local(receipt.before)
    counts = {"trace": receipt.traces, "span": receipt.spans, "annotation": receipt.annotations}
    if content_only:
        removed = [plural(count, what) for what, count in counts.items() if count or what == "span"]
        return f"what was said before {before}: the content of {', '.join(removed)}"
    removed = [plural(count, what) for what, count in {"session": receipt.sessions, **counts}.items()]
    return f"what was last active before {before}: {', '.join(removed)}"
