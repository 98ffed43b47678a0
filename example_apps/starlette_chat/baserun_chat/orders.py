"""The tool that the model can use: orders of a small shop."""

from __future__ import annotations

import json

from openai.types.chat import ChatCompletionFunctionToolParam

import baserun

ORDERS = {
    4711: {"item": "fountain pen", "status": "open", "ships": "tomorrow"},
    4712: {"item": "notebook, dotted", "status": "sent", "arrives": "Thursday"},
    4713: {"item": "ink, 50 ml, blue", "status": "returned", "refund": "12.50 EUR"},
}

TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "look_up_order",
        "description": "What the shop knows about an order.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "integer", "description": "Four digits."}},
            "required": ["number"],
            "additionalProperties": False,
        },
    },
}


def look_up_order(arguments: str) -> str:
    """Run the tool for the model: arguments and result are JSON."""
    with baserun.span("look_up_order", kind="tool") as span:
        number = json.loads(arguments).get("number")
        span.result = ORDERS.get(number, {"error": f"there is no order {number}"})
        return json.dumps(span.result)
