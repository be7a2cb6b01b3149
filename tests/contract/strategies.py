"""Any value that fits an event's JSON Schema, for property tests."""

from datetime import UTC
from typing import Any

from hypothesis import strategies as st

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


def from_schema(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON values that fit ``schema``, whose references lead into ``root``."""
    if "$ref" in schema:
        return from_schema(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in schema:
        return st.one_of([from_schema(option, root) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    match schema.get("type"):
        case "object":
            return _object(schema, root)
        case "array":
            return st.lists(from_schema(schema["items"], root), max_size=2)
        case "string":
            return _string(schema)
        case "integer":
            low = schema.get("minimum", schema.get("exclusiveMinimum", -1_000_000) + 0)
            if "exclusiveMinimum" in schema:
                low += 1
            return st.integers(min_value=low, max_value=2**31)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    raise AssertionError(f"no strategy for {schema}")


def _object(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    required = set(schema.get("required", ()))
    members = {name: from_schema(part, root) for name, part in schema.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {name: part for name, part in members.items() if name in required},
        optional={name: part for name, part in members.items() if name not in required},
    )


def _string(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.datetimes(timezones=st.just(UTC)).map(lambda instant: instant.isoformat())
    if schema.get("format") == "date":
        return st.dates().map(lambda day: day.isoformat())
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    return TEXT.filter(lambda text: len(text) >= schema.get("minLength", 0))
