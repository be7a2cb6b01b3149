"""JSON Schema of every event as readers get it, and what may change in it within one version."""

from collections.abc import Iterator
from typing import Any

from shared.contracts.event import Event

Schema = dict[str, Any]

_PROSE = {"title", "description", "examples"}
"""Keywords that no reader's program depends on."""


def event_schema(event: type[Event]) -> Schema:
    """The JSON Schema (draft 2020-12) of ``event``'s value, without the titles that pydantic invents."""
    schema = _without_titles(event.model_json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:showcase:{event.event_type()}",
        "title": event.event_type(),
        **schema,
    }


def _without_titles(node: Any, *, names: bool = False) -> Any:
    """``node`` without its generated titles; under ``names`` the members are names, not keywords."""
    if isinstance(node, dict):
        return {
            member: _without_titles(value, names=member in {"properties", "$defs"} and not names)
            for member, value in node.items()
            if names or member != "title" or not isinstance(value, str)
        }
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    return node


def incompatibilities(published: Schema, current: Schema) -> list[str]:
    """Every change from ``published`` to ``current`` that its readers or writers could notice.

    Only an optional field may be added. An empty list means that old records stay readable by new
    readers and new records by old ones.
    """
    return list(_compare("", published, current, published, current, ()))


def _resolve(schema: Schema, root: Schema) -> Schema:
    """``schema`` with its ``$ref`` followed; keywords beside the reference are kept."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    target = root["$defs"][reference.removeprefix("#/$defs/")]
    beside = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
    return {**_resolve(target, root), **beside}


def _compare(
    path: str, old: Any, new: Any, old_root: Schema, new_root: Schema, seen: tuple[str, ...]
) -> Iterator[str]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield f"{path or 'value'}: changed from {old!r} to {new!r}"
        return
    reference = old.get("$ref", "")
    if reference and reference in seen:
        return
    seen = (*seen, reference) if reference else seen
    old, new = _resolve(old, old_root), _resolve(new, new_root)
    yield from _compare_objects(path, old, new, old_root, new_root, seen)
    for keyword in sorted((old.keys() | new.keys()) - _PROSE - _STRUCTURE):
        before, after = old.get(keyword), new.get(keyword)
        here = f"{path or 'value'} ({keyword})"
        if isinstance(before, dict) and isinstance(after, dict) and keyword in _SUBSCHEMA:
            yield from _compare(path, before, after, old_root, new_root, seen)
        elif isinstance(before, list) and isinstance(after, list) and keyword in _SUBSCHEMAS:
            if len(before) != len(after):
                yield f"{here}: {len(before)} alternatives became {len(after)}"
            for one, other in zip(before, after, strict=False):
                yield from _compare(path, one, other, old_root, new_root, seen)
        elif keyword == "default" and _extends(before, after):
            continue
        elif before != after:
            yield f"{here}: changed from {before!r} to {after!r}"


_STRUCTURE = {"properties", "required", "$defs", "$ref", "$id", "$schema"}
_SUBSCHEMA = {"items", "additionalProperties", "propertyNames", "not"}
_SUBSCHEMAS = {"anyOf", "oneOf", "allOf", "prefixItems"}


def _compare_objects(
    path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema, seen: tuple[str, ...]
) -> Iterator[str]:
    before: Schema = old.get("properties", {})
    after: Schema = new.get("properties", {})
    required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() - after.keys()):
        yield f"{_member(path, name)}: removed or renamed"
    for name in sorted((after.keys() - before.keys()) & required_after):
        yield f"{_member(path, name)}: added as required"
    for name in sorted(before.keys() & after.keys()):
        if (name in required_before) != (name in required_after):
            now = "required" if name in required_after else "optional"
            yield f"{_member(path, name)}: became {now}"
        yield from _compare(_member(path, name), before[name], after[name], old_root, new_root, seen)


def _extends(before: Any, after: Any) -> bool:
    """A default that is an object grows with the optional fields of its type."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return False
    return all(name in after and after[name] == value for name, value in before.items())


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
