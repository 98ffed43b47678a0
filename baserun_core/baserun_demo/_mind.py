"""The replies of the offline model in the demo: it knows the orders, and a little about the shop."""

from __future__ import annotations

import json
import re

from baserun.testing import Reply, ToolCall

ORDER = re.compile(r"\b\d{4}\b")
ANSWERS = (
    (
        r"waterproof|permanent",
        (
            "The black document ink is waterproof once it has dried, after about a minute. The blue and the green are "
            "not: a drop of water takes them away again, which is good for shirts and bad for envelopes."
        ),
    ),
    (
        r"fountain pen|clean|clog",
        (
            "Yes, it is made for fountain pens. Write with it at least once a week, and rinse the pen with cold water "
            "when you change the colour, then it does not clog."
        ),
    ),
    (
        r"cancel",
        "An order can be cancelled until it is sent. Write me its number and I look whether it still can be.",
    ),
    (
        r"refund|money back|return",
        (
            "You can send everything back within 30 days, opened or not. The money is on your account about three days "
            "after the parcel has arrived here."
        ),
    ),
    (
        r"paper|notebook|weight",
        (
            "For fountain pens take paper of 90 grams or more:\n\n"
            "- 52 g is very thin and light; the other side shows through, but many people love how it feels.\n"
            "- 80 g is what printers take. Wet ink spreads on it, and sometimes bleeds through.\n"
            "- 90 g is the weight of our dotted notebooks, and good for both sides.\n"
            "- 120 g is for letters and for drawing with much ink.\n"
            "- 160 g and more is card, for place cards and small paintings.\n\n"
            "The surface matters as much as the weight: smooth paper lets the nib glide, rough paper gives it a voice."
        ),
    ),
    (r"short", "Take the dotted notebook with 90 g paper."),
    (r"gift|present|birthday", "Our letter set is a nice present: a pen, black ink and 20 sheets of 120 g paper."),
    (r"open|hours|when", "Somebody is here from Monday to Friday, 9 to 5."),
    (r"thank", "You are welcome!"),
    (r"hello|\bhi\b|good morning", "Hello! What can I do for you?"),
)
OTHERWISE = (
    "I am the offline model of the demo, so I know only a few things: the orders 4711, 4712 and 4713, ink, paper, "
    "refunds and presents. Set OPENAI_API_KEY, or run the demo with --local-model, and you chat with a real one."
)


def reply(messages: list[dict[str, str]]) -> str | Reply:
    """Answer the last message of a conversation."""
    results = _results(messages)
    if results:
        return " ".join(_about(result) for result in results)
    question = messages[-1]["content"].lower() if messages else ""
    orders = ORDER.findall(question)
    if orders:
        calls = (ToolCall(name="look_up_order", arguments=json.dumps({"number": int(order)})) for order in orders[:8])
        return Reply(tool_calls=tuple(calls))
    return next((answer for words, answer in ANSWERS if re.search(words, question)), OTHERWISE)


def _results(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the results of the tool calls at the end of the conversation."""
    found: list[dict[str, str]] = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        found.insert(0, json.loads(message["content"]))
    return found


def _about(order: dict[str, str]) -> str:
    if "error" in order:
        return f"I am sorry, {order['error']}."
    told = {
        "open": f"Your {order['item']} is packed and leaves {order.get('ships')}, so it can still be cancelled.",
        "sent": f"Your {order['item']} is on its way, and arrives {order.get('arrives')}.",
        "returned": f"Your {order['item']} has come back to us; {order.get('refund')} are on their way to you.",
    }
    return told[order["status"]]
