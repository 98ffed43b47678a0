"""The words and numbers of a question, to be used where the model has to fill something in."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|(?<!\w)'([^'\n]+)'(?!\w)")
NAME = re.compile(r"(?<![.!?\n] )(?<!^)(?<!\w)[A-Z][\w-]*(?: [A-Z][\w-]*)*")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")


@dataclass(slots=True)
class Material:
    """Texts and numbers that are used up one after the other."""

    texts: deque[str]
    numbers: deque[float]

    def text(self, fallback: str) -> str:
        """The next text, or `fallback` when there is none left."""
        return self.texts.popleft() if self.texts else fallback

    def number(self, fallback: float) -> float:
        """The next number, or `fallback`."""
        return self.numbers.popleft() if self.numbers else fallback


def material(question: str) -> Material:
    """What `question` offers."""
    return Material(deque(terms(question)), deque(float(number) for number in NUMBER.findall(question)))


def terms(question: str) -> list[str]:
    """The quoted words, or else the capitalised names that do not begin a sentence."""
    return quotes(question) or NAME.findall(question)


def quotes(text: str) -> list[str]:
    """The words between quotation marks."""
    return ["".join(groups) for groups in QUOTED.findall(text)]
