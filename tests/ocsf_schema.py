"""OCSF's own requirements of the class API Activity, and holding events against them.

tests/vectors/ocsf/api_activity.json is derived from its schema, version 1.8.0, and says where it comes from.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SCHEMA: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("vectors").joinpath("ocsf/api_activity.json").read_bytes()
)
_PYTHON: Final = {"integer_t": int, "long_t": int, "string_t": str, "boolean_t": bool}


def assert_api_activity(event: Mapping[str, Any]) -> None:
    """Attributes, types, enumerations and constraints fit, and captions are those of their numbers."""
    assert list(problems(event, {"attributes": SCHEMA["class"]}, "event")) == []
    for number, caption in (
        *(("activity_id", "activity_name"), ("category_uid", "category_name"), ("class_uid", "class_name")),
        *(("type_uid", "type_name"), ("status_id", "status"), ("severity_id", "severity")),
    ):
        assert SCHEMA["class"][number]["enum"][str(event[number])] == event[caption]
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["metadata"]["version"] == SCHEMA["version"]


def problems(value: Any, described: Mapping[str, Any], place: str) -> Iterator[str]:
    """What does not fit, by the description of a class or an object."""
    attributes = described["attributes"]
    yield from (f"{place}.{name} is no attribute" for name in value.keys() - attributes.keys())
    for name, attribute in attributes.items():
        if name in value:
            yield from _of_value(value[name], attribute, f"{place}.{name}")
        elif attribute["requirement"] == "required":
            yield f"{place}.{name} is required"
    wanted = described.get("constraints", {}).get("at_least_one", [])
    if wanted and not any(name in value for name in wanted):
        yield f"{place} has none of {wanted}"


def _of_value(value: Any, attribute: Mapping[str, Any], place: str) -> Iterator[str]:
    kind = attribute["type"]
    if attribute.get("deprecated"):
        yield f"{place} is deprecated"
    if "enum" in attribute and str(value) not in attribute["enum"]:
        yield f"{place} is none of the enumeration"
    if kind in _PYTHON:
        if type(value) is not _PYTHON[kind]:
            yield f"{place} is no {kind}"
    elif kind != "object":
        yield from problems(value, SCHEMA["objects"][kind], place)
