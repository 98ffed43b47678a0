"""How the offline model replies: by the first of these rules that applies.

1. The last message is a tool's result: repeat it.
2. The user says "refuse": refuse.
3. A tool is forced, or its name's words occur in the question: call it.
4. A schema is given: return an instance of it.
5. `Say "..."` (also answer, repeat, reply, respond, write): return exactly the quoted words.
6. "Count to 50": return the numbers.
7. Anything else: repeat the question, at most its first 300 characters.
"""

from __future__ import annotations

import json
import re

from baserun.testing._offline.exchange import Json
from baserun.testing._offline.material import material, quotes, terms
from baserun.testing._offline.prompt import Prompt, Tool
from baserun.testing._offline.reply import Reply, ToolCall
from baserun.testing._offline.schema import Instance

REFUSE = re.compile(r"\brefuse\b", re.IGNORECASE)
SAY = re.compile(r"\b(say|answer|repeat|reply|respond|write)\b", re.IGNORECASE)
COUNT = re.compile(r"\bcount (?:from 1 )?to (\d{1,5})\b", re.IGNORECASE)
REFUSAL = "I'm sorry, I can't help with that."
ANY_OBJECT: Json = {"type": "object", "properties": {"reply": {"type": "string"}}}
LONGEST_ECHO = 300  # characters
MOST_CALLS = 8
SHORTEST_TELLING_WORD = 4  # letters: "weather" identifies get_weather, "get" does not


def reply_to(prompt: Prompt) -> Reply:
    """Return the model's reply to `prompt`."""
    if prompt.last.is_tool_result:
        return Reply(text=_result(prompt))
    if REFUSE.search(prompt.question):
        return Reply(refusal=REFUSAL)
    if calls := _calls(prompt):
        return Reply(tool_calls=calls)
    if prompt.schema is not None:
        return Reply(text=_instance(prompt.schema or ANY_OBJECT, prompt.question))
    return Reply(text=_words(prompt))


def _result(prompt: Prompt) -> str:
    if prompt.schema:
        return _instance(prompt.schema, prompt.last.text)
    source = f"{prompt.last.tool_name} says" if prompt.last.tool_name else "The tool says"
    return f"{source}: {prompt.last.text}"


def _words(prompt: Prompt) -> str:
    question = prompt.question
    if SAY.search(question) and (quoted := quotes(question)):
        return quoted[0]
    if counted := COUNT.search(question):
        return " ".join(str(number) for number in range(1, int(counted[1]) + 1))
    said = f"You said: {_shortened(question)}" if question else "You said nothing."
    seen = prompt.last.images
    return f"{said} I see {seen} {'image' if seen == 1 else 'images'}." if seen else said


def _shortened(text: str) -> str:
    """Cut a text after `LONGEST_ECHO` characters."""
    return text if len(text) <= LONGEST_ECHO else f"{text[: LONGEST_ECHO - 1]}…"


def _instance(schema: Json, question: str) -> str:
    return json.dumps(Instance(schema, material(question)).build(), ensure_ascii=False)


def _calls(prompt: Prompt) -> tuple[ToolCall, ...]:
    tools = _wanted(prompt)
    if len(tools) == 1:
        calls = _calls_of(tools[0], prompt.question)
    else:
        calls = [_call(tool, prompt.question) for tool in tools]
    return tuple(calls[: MOST_CALLS if prompt.parallel else 1])


def _wanted(prompt: Prompt) -> list[Tool]:
    if prompt.tool_choice == "none" or not prompt.tools:
        return []
    named = [tool for tool in prompt.tools if tool.name == prompt.tool_choice]
    mentioned = [tool for tool in prompt.tools if _mentions(prompt.question, tool.name)]
    if prompt.tool_choice == "required":
        return mentioned or [prompt.tools[0]]
    return named or mentioned


def _mentions(question: str, name: str) -> bool:
    said = set(re.findall(r"\w+", question.lower()))
    words = {word for word in re.split(r"[_\W]+|(?<=[a-z])(?=[A-Z])", name) if len(word) >= SHORTEST_TELLING_WORD}
    return name.lower() in said or bool(said & {word.lower() for word in words})


def _calls_of(tool: Tool, question: str) -> list[ToolCall]:
    """Return one call for each subject that the question names, if the tool takes exactly one text; else one call."""
    properties = tool.parameters.get("properties", {})
    free = [name for name, value in properties.items() if value.get("type") == "string" and "enum" not in value]
    subjects = [term for term in terms(question) if term != tool.name]
    if len(free) != 1 or len(subjects) < 2:
        return [_call(tool, question)]
    return [_call(tool, f"for '{subject}'") for subject in subjects]


def _call(tool: Tool, question: str) -> ToolCall:
    return ToolCall(name=tool.name, arguments=_instance({"type": "object", **tool.parameters}, question))
