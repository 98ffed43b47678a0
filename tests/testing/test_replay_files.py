"""Recordings as files: short and readable for review, and read back unchanged."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun.testing._replay.files import load, save, text_of
from baserun.testing._replay.recording import Answer, Exchange, Recording, RecordingError, Request

PROMPT = "You are the assistant of a small shop for pens and ink.\nYou are kind.\nAnswer in two sentences."
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = JSON | st.fixed_dictionaries(
    {"model": st.sampled_from(["a", "b"])},
    optional={
        "messages": st.lists(st.sampled_from([{"role": "user", "content": text} for text in "ab"]), max_size=4),
        "input": st.text(max_size=3) | st.lists(st.sampled_from(["x", "y"]), max_size=3),
        "temperature": st.none() | st.integers(0, 2),
    },
)


def recording(*bodies: Any, path: str = "/chat/completions") -> Recording:
    calls = [Exchange(request=Request(method="POST", path=path, body=body), answer=Answer(body={})) for body in bodies]
    return Recording(calls=calls)


def conversation(prompt: str) -> Recording:
    """Make a recording of three calls, each with all earlier messages."""
    said = [{"role": "system", "content": prompt}]
    said += [{"role": "user", "content": text} for text in ("Hello", "Is it waterproof?", "And the ink?")]
    return recording(*({"model": "gpt-4o-mini", "messages": said[:length], "tools": ["pen"]} for length in (2, 3, 4)))


@given(st.lists(BODIES, max_size=5))
def test_a_recording_reads_back_unchanged(tmp_path_factory: pytest.TempPathFactory, bodies: list[Any]) -> None:
    """A recording of any request bodies reads back unchanged, also where they continue one another."""
    path = tmp_path_factory.mktemp("recordings") / "any.json"

    save(recording(*bodies), path)

    assert load(path) == recording(*bodies)


def test_half_a_character_reads_back_unchanged(tmp_path: Path) -> None:
    """An answer with a lone surrogate, half of an emoji at which a model stopped, reads back unchanged."""
    made = Recording(
        calls=[Exchange(request=Request(method="POST", path="/x"), answer=Answer(body="an emoji: \ud83d"))]
    )

    save(made, tmp_path / "half.json")

    assert load(tmp_path / "half.json") == made


def test_a_conversation_is_kept_once() -> None:
    """A request that continues an earlier one is written with its new messages only, so that each is there once."""
    text = text_of(conversation(PROMPT))

    assert [text.count(said) for said in ("You are kind.", '"Hello"', '"Is it waterproof?"', '"pen"')] == [1, 1, 1, 1]
    assert [text.count(f'"continues": {number}') for number in (1, 2, 3)] == [1, 1, 0]


def test_a_changed_line_of_a_prompt_is_one_line_of_a_diff() -> None:
    """A long text is written line by line, and once, so that a changed line is one line of a diff."""
    before = text_of(conversation(PROMPT)).splitlines()
    after = text_of(conversation(PROMPT.replace("kind", "brief"))).splitlines()

    changes = [line for line in difflib.unified_diff(before, after, n=0) if line[:3] not in ("+++", "---")]

    assert [line.split() for line in changes if line[0] in "+-"] == [
        ["-", '"You', "are", 'kind.",'],
        ["+", '"You', "are", 'brief.",'],
    ]


def test_invisible_characters_are_written_escaped() -> None:
    """Invisible characters, such as those that change the reading direction, are written escaped, and letters plain."""
    text = text_of(recording({"prompt": "admin\u202euser", "name": "Ada Žižek"}))

    assert '"admin\\u202euser"' in text
    assert "Ada Žižek" in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"calls": [{}]}',
        '{"calls": [{"request": {"method": "POST", "path": "/x", "continues": 1}, "answer": {}}]}',
        '{"text in lines": 5}',
        '{"recording": 2}',
    ],
)
def test_a_broken_recording_is_refused(tmp_path: Path, text: str) -> None:
    """Loading a file that is damaged or no recording raises with its name."""
    path = tmp_path / "broken.json"
    path.write_text(text)

    with pytest.raises(RecordingError, match=r"broken\.json"):
        load(path)
