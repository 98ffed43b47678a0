"""Building an instance of a JSON schema from the words of a question."""

from __future__ import annotations

import math
from typing import Any

from baserun.testing._offline.exchange import Json
from baserun.testing._offline.material import Material

DEEPEST = 12  # a recursive schema is cut off here
FORMATS = {
    "date": "2024-07-18",
    "date-time": "2024-07-18T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class Instance:
    """Builds one value that follows a schema; the same question gives the same value."""

    def __init__(self, root: Json, material: Material) -> None:
        self._root = root
        self._material = material

    def build(self) -> Any:
        """Build a value for the whole schema."""
        return self._value(self._root, "value", 0)

    def _value(self, schema: Any, name: str, depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._value(self._branch(schema[key], depth), name, depth)
        kind = schema.get("type") or (
            "object" if "properties" in schema else "array" if "items" in schema else "string"
        )
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null") if depth < DEEPEST else kind[-1]
        return self._typed(kind, schema, name, depth)

    def _typed(self, kind: str, schema: Json, name: str, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number":
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._text(schema, name)

    def _object(self, schema: Json, depth: int) -> Json:
        properties: Json = schema.get("properties", {})
        wanted = properties if depth < DEEPEST else {key: properties[key] for key in schema.get("required", ())}
        return {key: self._value(value, key, depth + 1) for key, value in wanted.items()}

    def _array(self, schema: Json, name: str, depth: int) -> list[Any]:
        fixed = [self._value(item, name, depth + 1) for item in schema.get("prefixItems", ())]
        least = int(schema.get("minItems", 1 if depth < DEEPEST and schema.get("items") else 0))
        missing = max(0, min(least, schema.get("maxItems", least)) - len(fixed))
        return fixed + [self._value(schema.get("items", {}), name, depth + 1) for _ in range(missing)]

    def _number(self, schema: Json, *, whole: bool) -> float | int:
        number = self._material.number(1)
        low = schema.get("minimum", schema.get("exclusiveMinimum", -math.inf) + (1 if whole else 0.5))
        high = schema.get("maximum", schema.get("exclusiveMaximum", math.inf) - (1 if whole else 0.5))
        number = max(low, min(high, number))
        if step := schema.get("multipleOf"):
            number = math.ceil(number / step) * step
        return int(number) if whole or number == int(number) else number

    def _text(self, schema: Json, name: str) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        text = self._material.text(name)
        text = text.ljust(int(schema.get("minLength", 0)), ".")
        return text[: schema.get("maxLength")]

    def _branch(self, branches: list[Any], depth: int) -> Any:
        nulls = [branch for branch in branches if self._resolved(branch).get("type") == "null"]
        if depth >= DEEPEST and nulls:
            return nulls[0]
        return next((branch for branch in branches if branch not in nulls), branches[0])

    def _resolved(self, schema: Any) -> Json:
        if not isinstance(schema, dict):
            return {}
        for _ in range(DEEPEST):
            if "$ref" not in schema:
                break
            schema = {**self._target(schema["$ref"]), **{key: value for key, value in schema.items() if key != "$ref"}}
        for part in schema.get("allOf", ()):
            merged = self._resolved(part)
            properties = {**schema.get("properties", {}), **merged.get("properties", {})}
            schema = {**merged, **schema, "properties": properties} if properties else {**merged, **schema}
        resolved: Json = schema
        return resolved

    def _target(self, reference: str) -> Json:
        target: Any = self._root
        for step in reference.lstrip("#").strip("/").split("/"):
            if step:
                target = target.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
        return target if isinstance(target, dict) else {}
