"""``baserun stats``"""

from __future__ import annotations

import click

from baserun.cli._options import json_option
from baserun.cli._output import Output, write_json
from baserun.cli._render._lines import QUIET, STRONG, Line, line
from baserun.cli._stores import opened_store
from baserun.store import Store, StoreInfo
from baserun.wording.amounts import size

_COUNTED = ("users", "sessions", "traces", "spans", "annotations")


@click.command(short_help="How much is stored, dropped, pruned and erased.")
@json_option
@opened_store
def stats(store: Store, as_json: bool) -> None:
    """Show how much is stored, and the ledger: what was stored, dropped, pruned and erased since the beginning."""
    info, ledger = store.info(), store.ledger()
    totals = {name: getattr(info, name) for name in _COUNTED}
    if as_json:
        write_json({"path": info.path, "size_bytes": info.size_bytes, **totals, "ledger": ledger})
        return
    output = Output()
    if not output.view.is_terminal:
        _write_plain(info, totals, ledger)
        return
    output.lines(_told(info, totals, ledger))


def _write_plain(info: StoreInfo, totals: dict[str, int], ledger: dict[str, dict[str, int]]) -> None:
    rows = {"size_bytes": info.size_bytes, **totals}
    rows |= {f"{name}.{reason}": count for name, reasons in ledger.items() for reason, count in reasons.items()}
    for name, count in rows.items():
        click.echo(f"{name}\t{count}")


def _told(info: StoreInfo, totals: dict[str, int], ledger: dict[str, dict[str, int]]) -> list[Line]:
    lines = [line((info.path, STRONG), (f"  {size(info.size_bytes + info.wal_bytes)}", QUIET)), line("")]
    lines += [_row(name, count) for name, count in totals.items()]
    lines += [line(""), line(("ledger", STRONG))]
    for name, reasons in ledger.items():
        lines += [_row(f"{name} {reason}", count) for reason, count in reasons.items()] or [_row(name, 0)]
    return lines


def _row(name: str, count: int) -> Line:
    return line((f"{name:<24}", QUIET), f"{count:>14,}", indent=2)
