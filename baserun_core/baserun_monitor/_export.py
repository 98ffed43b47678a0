"""Files to keep: CSV that no spreadsheet runs, JSON, and several files in one."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins so may be run by a spreadsheet; the last four are their full-width forms."""


def csv_of(columns: Sequence[str], items: Iterable[Any]) -> Iterator[bytes]:
    """A header, then one line for each item."""
    yield _line(columns)
    for item in items:
        record = item.to_dict()
        yield _line([_cell(record.get(column)) for column in columns])


def json_of(items: Iterable[Any]) -> Iterator[bytes]:
    """One object with all items."""
    yield b'{"items": ['
    for number, item in enumerate(items):
        yield (b",\n" if number else b"\n") + json.dumps(item.to_dict()).encode()
    yield b'\n], "next": null}\n'


def json_lines(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """One object a line."""
    for record in records:
        yield json.dumps(record).encode() + b"\n"


def zip_of(files: Mapping[str, str]) -> bytes:
    """Texts by their paths, as one file."""
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
    """Numbers as they are; text that looks like a formula behind an apostrophe; unknown is empty."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_SIGNS) else text
