"""Stored content: always valid, bounded and redacted, whatever was captured."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import logging
import re
import uuid
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun._atoms import Described
from baserun._content import FIELD_LIMIT, PREVIEW_MARGIN, STRING_LIMIT, ContentEncoder, RawJSON
from baserun._redact import LONGEST_SECRET, mask_secrets
from baserun._values import snapshot

KEY = "sk-" + "proj-" + "a1B2c3D4" * 4
PICTURE = bytes(range(256)) * 4
PICTURE_TEXT = base64.b64encode(PICTURE).decode()
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a NUL character, but not the text of such an escape, where the backslash itself is escaped."""
PICTURE_DESCRIBED = {"size": len(PICTURE), "sha256": sha256(PICTURE).hexdigest()}


def keep(text: str, path: str) -> str:
    return text


ENCODERS = {"none": ContentEncoder(None), "default": ContentEncoder(mask_secrets), "own": ContentEncoder(keep)}


def stored(value: object, redact: Any = mask_secrets, **options: Any) -> Any:
    text = ContentEncoder(redact).json(value, "input", **options)
    assert text is not None
    return json.loads(text, parse_constant=pytest.fail)


def wire(value: object) -> RawJSON:
    return RawJSON(json.dumps(value).encode())


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\0b", "a\ufffdb"),
        ("\ud800 \udc00", "\ufffd \ufffd"),
        ("\ud83d\ude00", "😀"),
        ({"k\0": 1, "\ud800": 2}, {"k\ufffd": 1, "\ufffd": 2}),
        ([float("nan"), float("inf"), float("-inf"), -0.0], ["NaN", "Infinity", "-Infinity", -0.0]),
        ([2**64 - 1, 2**64, -(2**63), -(2**63) - 1], [2**64 - 1, str(2**64), -(2**63), str(-(2**63) - 1)]),
        ([10**5000], ["<int of 16,610 bits>"]),
        ({1: "a", "1": "b", None: "c"}, {"1": "a", "1 (2)": "b", "null": "c"}),
        ((1, 2), [1, 2]),
        (Described("<object>"), "<object>"),
        (decimal.Decimal("1.10"), "1.10"),
        (datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC), "2026-01-02T03:00:00Z"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"abc", {"type": "bytes", "size": 3, "sha256": sha256(b"abc").hexdigest()}),
        (object(), "<object>"),
        ({"a": [RawJSON(b'{"b": 1}'), msgspec.Raw(b"[2]")]}, {"a": [{"b": 1}, [2]]}),
    ],
)
def test_values_become_json(encoder: ContentEncoder, value: object, expected: object) -> None:
    """A value that JSON or a store cannot hold becomes the nearest one that they can."""
    text = encoder.json(value, "input")

    assert text is not None
    assert json.loads(text, parse_constant=pytest.fail) == expected
    assert text.encode()


hostile_text = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [KEY, "\0", "\ud800", "data:a/b;base64," + PICTURE_TEXT]
)
hostile_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | hostile_text
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.uuids(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(hostile_text | st.integers() | st.none(), inner) | st.tuples(inner, inner)
    ),
)


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@given(value=hostile_values)
def test_any_value_becomes_valid_json(encoder: ContentEncoder, value: object) -> None:
    """Any captured value is stored as JSON that every parser accepts: no surrogate, no NUL, no NaN."""
    text = encoder.json(snapshot(value)[0], "input")

    if text is not None:
        text.encode()
        msgspec.json.decode(text)
        json.loads(text, parse_constant=pytest.fail)
        assert ESCAPED_NUL.search(text) is None


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@given(data=st.binary() | hostile_values.map(lambda value: json.dumps(value, default=repr, skipkeys=True).encode()))
def test_any_bytes_from_the_wire_become_valid_json(encoder: ContentEncoder, data: bytes) -> None:
    """Any bytes of a body, JSON or not, are stored as valid JSON."""
    text = encoder.json(RawJSON(data), "output")

    assert text is not None
    text.encode()
    msgspec.json.decode(text)
    assert ESCAPED_NUL.search(text) is None


@given(hostile_values)
def test_wire_and_value_agree(value: object) -> None:
    """The same JSON is stored whether it was captured as bytes or as objects."""
    data = json.dumps(value, default=repr, skipkeys=True).encode()

    assert stored(RawJSON(data)) == stored(json.loads(data)) if data != b"null" else True


def test_json_from_the_wire_is_stored_as_it_is() -> None:
    """JSON in which nothing has to change is stored byte for byte."""
    text = '{"b": 1.0,  "a": ["\\u00e9\\n", "😀", -0, 1e5]}'

    assert ContentEncoder(mask_secrets).json(RawJSON(text.encode()), "output") == text


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_deep_json_is_described(encoder: ContentEncoder, data: bytes) -> None:
    """JSON nested 100,000 deep is replaced by its size and hash."""
    described = json.loads(encoder.json(RawJSON(data), "output") or "")

    assert described["size"] == len(data)
    assert described["sha256"] == sha256(data).hexdigest()


def test_json_deeper_than_the_limit_is_cut() -> None:
    """JSON that we can parse but others may not is cut to a depth that every parser accepts."""
    value = stored(RawJSON(b"[" * 200 + b"]" * 200))

    assert "[cut: nested deeper than 64]" in json.dumps(value)


@pytest.mark.parametrize("form", [lambda value: value, wire], ids=["value", "wire"])
def test_the_deepest_that_is_kept(form: Any) -> None:
    """64 nested containers are stored and the 65th is cut, captured as a value or as bytes."""

    def nested(depth: int) -> Any:
        return [nested(depth - 1)] if depth > 1 else []

    assert stored(form(nested(64))) == nested(64)
    assert json.dumps(stored(form(nested(65)))).count("[cut: nested deeper than 64]") == 1


def test_what_is_not_json_is_kept_as_text() -> None:
    """A body that is not JSON, such as the error page of a proxy, is kept as text."""
    assert stored(RawJSON(b"<html>Bad \xff Gateway</html>")) == "<html>Bad \ufffd Gateway</html>"


@pytest.mark.parametrize("form", [lambda value: value, wire], ids=["value", "wire"])
class TestPayloads:
    """Files in base64 are replaced by a description, captured as a value or as bytes."""

    def test_data_urls(self, form: Any) -> None:
        """A data URL is described by its type and the size and hash of the file."""
        value = form({"image_url": {"url": f"data:image/png;base64,{PICTURE_TEXT}"}})

        assert stored(value) == {"image_url": {"url": {"type": "image/png", **PICTURE_DESCRIBED}}}

    @pytest.mark.parametrize("key", ["b64_json", "data", "file_data"])
    def test_known_keys(self, form: Any, key: str) -> None:
        """Long base64 under the keys that providers use is described."""
        assert stored(form({key: PICTURE_TEXT})) == {key: {"type": "base64", **PICTURE_DESCRIBED}}

    def test_several_under_one_name(self, form: Any) -> None:
        """Each element of an array under such a key is described too."""
        described = {"type": "base64", **PICTURE_DESCRIBED}

        assert stored(form({"data": ["no file", PICTURE_TEXT]})) == {"data": ["no file", described]}

    def test_inside_text(self, form: Any) -> None:
        """A data URL in the middle of Markdown is described in brackets, and the text around it kept."""
        text = stored(form([f"see ![it](data:image/png;base64,{PICTURE_TEXT}) there"]))[0]

        assert text == f"see ![it]([image/png, 1,024 bytes, sha256 {PICTURE_DESCRIBED['sha256']}]) there"

    def test_text_is_no_payload(self, form: Any) -> None:
        """Text under such a key stays text."""
        value = {"data": "word " * 100, "url": "data:, hello; world", "result": "short"}

        assert stored(form(value)) == value

    def test_words_in_lines_are_no_payload(self, form: Any) -> None:
        """Lines with an id each are kept as text under such a key, while wrapped base64 is described."""
        ids = "\n".join(str(uuid.UUID(int=number)) for number in range(20))
        wrapped = base64.encodebytes(PICTURE).decode()

        kept = stored(form({"result": ids, "data": wrapped}))

        assert kept == {"result": ids, "data": {"type": "base64", **PICTURE_DESCRIBED}}


def test_escaped_payloads_are_found() -> None:
    """A file whose slashes are escaped in JSON is described too."""
    text = base64.b64encode(b"\xff" * 1024).decode().replace("/", "\\/")

    assert stored(RawJSON(f'{{"b64_json": "{text}"}}'.encode()))["b64_json"]["size"] == 1024


@pytest.mark.parametrize("redact", [None, mask_secrets])
def test_escapes_hide_no_file(redact: Any) -> None:
    """A file within a text is described too if its mark is spelled with JSON escapes."""
    picture = base64.b64encode(PICTURE).decode()
    text = f'["![](data:image/png\\u003bbase64,{picture})"]'

    assert stored(RawJSON(text.encode()), redact)[0].startswith("![]([image/png, ")


def test_many_plain_items_are_kept() -> None:
    """A field of short values is stored whole even if it is longer than a string may be."""
    numbers = list(range(250_000))

    assert stored(numbers) == numbers


@pytest.mark.parametrize("limit", [STRING_LIMIT, 1000])
def test_long_strings_are_cut(limit: int) -> None:
    """A string beyond the limit is cut and ends with its length and hash."""
    text = "x" * 3_000_000

    kept = stored({"a": text}, limit=limit)["a"]

    assert kept == f"{'x' * limit}… [cut: 3,000,000 characters, sha256 {sha256(text.encode()).hexdigest()}]"


def test_fields_are_bounded() -> None:
    """Many long strings together stay within the limit of one field."""
    text = ContentEncoder(mask_secrets).json(["x" * STRING_LIMIT] * 50, "input")

    assert text is not None
    assert len(text) < FIELD_LIMIT + 10_000


@pytest.mark.parametrize("offset", [-20, -1, 0, 1, 20])
def test_no_half_of_a_secret_is_left_where_a_string_is_cut(offset: int) -> None:
    """No half of a secret that spans the cut is stored."""
    text = "x" * (1000 + offset - len(KEY) // 2) + " " + KEY + " " + "y" * 1_000_000

    assert KEY[:12] not in stored([text], limit=1000)[0]
    assert KEY[:12] not in (ContentEncoder(mask_secrets).text(text, "preview", 1000) or "")


def test_no_half_of_a_secret_is_left_where_masks_have_shortened_the_text() -> None:
    """When masks shorten the text, the end of the redacted part, which may hold half a secret, is still cut off."""
    limit = 20_000
    token = f"eyJ{'a' * 10_000}.eyJ{'b' * 5_000}.{'c' * 40}"
    looked_at = limit + 2 * LONGEST_SECRET
    filler = "x" * (looked_at - len(token) - len(" ") - len(" sk-proj-a1B2c3"))
    text = f"{token} {filler} sk-proj-a1B2c3D4e5F6g7H8i9J0 and more"

    kept = stored(text, limit=limit)

    assert kept.startswith("[masked: token] xxx")
    assert "sk-proj" not in kept


def test_no_half_of_a_secret_is_left_in_a_preview_that_masks_have_shortened() -> None:
    """Where masks leave little of the part that is looked at, the preview is made from the whole text."""
    token = f"eyJ{'a' * 10_000}.eyJ{'b' * 6_900}.{'c' * 40}"
    filler = "x" * (1_000 + PREVIEW_MARGIN - len(token) - len(" ") - len(" sk-proj-a1B2c3"))
    text = f"{token} {filler} sk-proj-a1B2c3D4e5F6g7H8i9J0 and more"

    kept = ContentEncoder(mask_secrets).text(text, "input", 1_000)

    assert kept is not None
    assert "sk-proj" not in kept


@pytest.mark.parametrize("form", [lambda value: value, wire], ids=["value", "wire"])
@pytest.mark.parametrize(
    "value", [{"a": [f"x {KEY}"]}, {KEY: 1}, {"a": {"Authorization": "hunter2"}}, {"card": 4111111111111111}]
)
def test_secrets_are_masked(form: Any, value: object) -> None:
    """Secrets are masked in strings, keys and numbers, and any value under the name of a credential."""
    text = ContentEncoder(mask_secrets).json(form(value), "input")

    assert text is not None
    assert "[masked: " in text
    assert not any(secret in text for secret in (KEY, "hunter2", "4111"))


@pytest.mark.parametrize(
    "hidden", [KEY.replace("-", "\\u002d"), "".join(f"\\u{ord(letter):04x}" for letter in KEY), "\\n" + KEY]
)
def test_escapes_hide_no_secret(hidden: str) -> None:
    """A secret spelled with JSON escapes is masked too."""
    assert stored(RawJSON(f'["{hidden}"]'.encode()))[0].strip() == "[masked: api key]"


def test_own_redaction_sees_every_string_with_its_path() -> None:
    """A redact function gets each string with its path, and what it returns is stored."""
    seen: list[tuple[str, str]] = []

    def redact(text: str, path: str) -> str:
        seen.append((path, text))
        return text.upper()

    result = stored(wire([{"content": "hi"}, {"n": 1}]), redact)

    assert seen == [("input[0].content", "hi")]
    assert result == [{"content": "HI"}, {"n": 1}]


def test_what_redaction_returns_is_cleaned() -> None:
    """Surrogates and NUL in what a redact function returns are replaced."""
    assert stored(["a"], lambda text, path: "\ud800\0") == ["\ufffd\ufffd"]


def test_failing_redaction_masks(caplog: pytest.LogCaptureFixture) -> None:
    """A string whose redact function fails is masked, and each kind of failure is logged once, without content."""

    def redact(text: str, path: str) -> Any:
        if text == "none":
            return None
        raise ValueError(text)

    encoder = ContentEncoder(redact)
    with caplog.at_level(logging.WARNING, "baserun"):
        texts = [encoder.json({"a": ["private", "none"]}, "input") for _ in range(3)]

    assert texts == ['{"a":["[masked: redaction failed]","[masked: redaction failed]"]}'] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "'input.a[0]' was masked because the redact function raised ValueError; the same is not logged again",
        "'input.a[1]' was masked because the redact function returned NoneType, not str; the same is not logged again",
    ]


def test_interrupts_pass_through_redaction() -> None:
    """A `KeyboardInterrupt` in a redact function is not swallowed."""

    def redact(text: str, path: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ContentEncoder(redact).json(["a"], "input")


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (None, None, None),
        ("plain", None, "plain"),
        ("a\0\ud800", None, "a\ufffd\ufffd"),
        ("x" * 300, 200, "x" * 199 + "…"),
        ("x" * 200, 200, "x" * 200),
        (f"key {KEY}", 200, "key [masked: api key]"),
        (Described("<object>"), None, "<object>"),
        ([1], None, "[1]"),
    ],
)
def test_texts(value: object, limit: int | None, expected: str | None) -> None:
    """Names and previews are plain text, redacted, cleaned and cut."""
    assert ContentEncoder(mask_secrets).text(value, "name", limit) == expected


def test_none_gives_no_json() -> None:
    """None gives no JSON text: unknown stays unknown."""
    assert ContentEncoder(mask_secrets).json(None, "input") is None
