"""Files to download: CSV that spreadsheets do not run as formulas, JSON, and ZIP archives."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Spreadsheets may run a cell that begins with one of these as a formula; the last four are full-width forms."""


class Record(Protocol):
    """Something that the store returns in a list."""

    def to_dict(self) -> dict[str, Any]:
        """Return its fields by name."""


def csv_of(columns: Sequence[str], items: Iterable[Record]) -> Iterator[bytes]:
    """Iterate over a CSV file: a header, then one row for each item."""
    yield _line(columns)
    for item in items:
        record = item.to_dict()
        yield _line([_cell(record.get(column)) for column in columns])


def json_of(items: Iterable[Record]) -> Iterator[bytes]:
    """Iterate over a JSON file: one object with all items."""
    yield b'{"items": ['
    for number, item in enumerate(items):
        yield (b",\n" if number else b"\n") + json.dumps(item.to_dict()).encode()
    yield b'\n], "next": null}\n'


def json_lines(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Iterate over JSON lines, one object each."""
    for record in records:
        yield json.dumps(record).encode() + b"\n"


def zip_of(files: Mapping[str, str]) -> bytes:
    """Return a ZIP archive of texts by their paths."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return packed.getvalue()


def _line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    """Return the value of a cell: text that looks like a formula gets an apostrophe before it; unknown is empty."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_SIGNS) else text
