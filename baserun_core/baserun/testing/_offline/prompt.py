"""The prompt, in one form for all endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from baserun.testing._offline import tokens
from baserun.testing._offline.errors import RequestError
from baserun.testing._offline.exchange import Json

MESSAGE_OVERHEAD = 4  # tokens of every message besides its text
IMAGE_TOKENS = 85
SOUND_TOKENS = 50
READ_CHARACTERS = 2000  # the rest of a message is counted, but not read
CACHE_MINIMUM = 1024  # a shorter prefix is never cached
CACHE_STEP = 128  # cached tokens are counted in multiples of this


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of the conversation."""

    role: str
    text: str
    images: int = 0
    sounds: int = 0
    tool_name: str | None = None
    """For the result of a tool: the name of the tool."""

    @property
    def is_tool_result(self) -> bool:
        """Whether this is the result of a tool."""
        return self.role == "tool"

    @cached_property
    def tokens(self) -> int:
        """The number of tokens of the message."""
        return tokens.count(self.text) + MESSAGE_OVERHEAD + IMAGE_TOKENS * self.images + SOUND_TOKENS * self.sounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    parameters: Json

    @property
    def tokens(self) -> int:
        """The number of tokens of the definition."""
        return tokens.count(self.name) + tokens.count(str(self.parameters))


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Everything that determines the reply."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of a tool."""
    parallel: bool = True
    schema: Json | None = None
    """The JSON schema of the reply, of which an empty one allows any object; None for text."""
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None

    @cached_property
    def question(self) -> str:
        """The beginning of the user's last message."""
        said = next((message.text for message in reversed(self.messages) if message.role == "user"), "")
        return said[:READ_CHARACTERS].strip()

    @property
    def last(self) -> Message:
        """The message to answer."""
        return self.messages[-1]

    @property
    def tokens(self) -> int:
        """The number of tokens of the input."""
        return sum(message.tokens for message in self.messages) + sum(tool.tokens for tool in self.tools)

    def spoken(self) -> list[dict[str, str]]:
        """Return the messages as plain role and content, for a reply function."""
        return [{"role": message.role, "content": message.text} for message in self.messages]


class PromptCache:
    """Remembers the beginnings of conversations, to count cached tokens."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def cached_tokens(self, prompt: Prompt) -> int:
        """Return the number of cached tokens of the prompt, and remember the prompt."""
        digest, length, cached = sha256(), 0, 0
        for message in prompt.messages:
            digest.update(f"{message.role}\0{message.text}\0".encode(errors="surrogatepass"))
            length += message.tokens
            if length < CACHE_MINIMUM:
                continue
            if (key := digest.digest()) in self._seen:
                cached = length
            self._seen.add(key)
        return cached // CACHE_STEP * CACHE_STEP


def read_content(content: Any, *, role: str, tool_name: str | None = None) -> Message:
    """Make a message from its content: a string, or a list of parts.

    Raises:
        RequestError: The content is neither.
    """
    if content is None or isinstance(content, str):
        return Message(role=role, text=content or "", tool_name=tool_name)
    if not isinstance(content, list):
        raise RequestError(f"Invalid type for 'content': expected a string or an array, got {type(content).__name__}.")
    parts = [part if isinstance(part, dict) else {"type": "text", "text": str(part)} for part in content]
    texts = (part.get("text") or part.get("refusal") for part in parts)
    kinds = [str(part.get("type")) for part in parts]
    return Message(
        role=role,
        text="\n".join(text for text in texts if isinstance(text, str)),
        images=sum("image" in kind for kind in kinds),
        sounds=sum("audio" in kind for kind in kinds),
        tool_name=tool_name,
    )


def read_tools(definitions: Iterable[Json] | None) -> tuple[Tool, ...]:
    """Return the functions among tool definitions, in the nested form of chat or the flat one of Responses."""
    functions = [tool.get("function", tool) for tool in definitions or () if tool.get("type") == "function"]
    return tuple(
        Tool(name=str(function.get("name")), parameters=function.get("parameters") or {}) for function in functions
    )


def read_tool_choice(choice: Any) -> str:
    """Return `auto`, `none`, `required` or the name of a tool, from either form."""
    if not isinstance(choice, dict):
        return choice or "auto"
    if choice.get("type") == "allowed_tools":
        return str(choice.get("allowed_tools", choice).get("mode", "auto"))
    return str(choice.get("function", choice).get("name", "auto"))


def read_format(choice: Json | None) -> Json | None:
    """Return the schema of the reply, from `response_format` or `text.format`; None for text."""
    if not choice or choice.get("type") in (None, "text"):
        return None
    if choice["type"] == "json_object":
        return {}
    schema: Json = choice.get("json_schema", choice).get("schema") or {}
    return schema


def read_stop(stop: Any) -> tuple[str, ...]:
    """Return the stop sequences, of which one, several or none are given."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())
