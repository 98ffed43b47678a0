"""Making untrusted text safe to show."""

from __future__ import annotations

import json
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from baserun.wording.text import one_line, safe, safe_json, shortened

JOINERS = {"\u200c", "\u200d", "\xad"}


def is_obeyed(character: str) -> bool:
    """Whether a terminal may interpret the character instead of drawing it."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in JOINERS


def test_no_character_of_unicode_that_terminals_obey_passes() -> None:
    """Every control, format, separator and surrogate character except the line break is made visible."""
    passed = [character for code in range(sys.maxunicode + 1) for character in safe(chr(code)) if is_obeyed(character)]

    assert set(passed) == {"\n"}


def test_ordinary_text_is_left_alone() -> None:
    """Letters of all scripts, joined emoji and rich's markup stay unchanged."""
    text = "Grüße, Κύπρος, 日本語, می‌خواهم, 👩‍👩‍👧, [bold]not markup[/bold] :smile:\nsecond line"

    assert safe(text) == text


def test_escape_sequences_become_visible() -> None:
    """Escape sequences and control characters are shown as visible characters."""
    assert safe("\x1b[31mred\x07\x7f\x9b2J\u202e") == "␛[31mred␇␡\\u009b2J\\u202e"


@given(st.text(st.characters()))
def test_one_line_is_one_line(text: str) -> None:
    """The one-line preview of any text has no line break or tab, and at most the given number of characters."""
    line = one_line(text, 40)

    assert len(line) <= 40
    assert not any(is_obeyed(character) for character in line)


@given(
    st.recursive(
        st.none() | st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_safe_json_means_the_same(value: object) -> None:
    """`safe_json` escapes unsafe characters, and reads back as the same value."""
    written = safe_json(json.dumps(value, ensure_ascii=False))

    assert json.loads(written) == json.loads(json.dumps(value))
    assert not any(is_obeyed(character) for character in written)


def test_identifiers_lose_their_middle() -> None:
    """A long id keeps its beginning and end; a short one is whole."""
    assert shortened("84532353-4499-4596-8b25-fc743a8d03e3") == "8453…03e3"
    assert shortened("mallory") == "mallory"
