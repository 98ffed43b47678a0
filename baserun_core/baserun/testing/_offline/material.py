"""The texts and numbers of a question, with which the model fills in arguments and schemas."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|(?<!\w)'([^'\n]+)'(?!\w)")
NAME = re.compile(r"(?<![.!?\n] )(?<!^)(?<!\w)[A-Z][\w-]*(?: [A-Z][\w-]*)*")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")


@dataclass(slots=True)
class Material:
    """Texts and numbers, of which each is used once."""

    texts: deque[str]
    numbers: deque[float]

    def text(self, fallback: str) -> str:
        """Take the next text, or `fallback` if none is left."""
        return self.texts.popleft() if self.texts else fallback

    def number(self, fallback: float) -> float:
        """Take the next number, or `fallback` if none is left."""
        return self.numbers.popleft() if self.numbers else fallback


def material(question: str) -> Material:
    """Collect the texts and numbers of `question`."""
    return Material(deque(terms(question)), deque(float(number) for number in NUMBER.findall(question)))


def terms(question: str) -> list[str]:
    """Return the quoted texts, or else the capitalised names that do not begin a sentence."""
    return quotes(question) or NAME.findall(question)


def quotes(text: str) -> list[str]:
    """Return the texts between quotation marks."""
    return ["".join(groups) for groups in QUOTED.findall(text)]
