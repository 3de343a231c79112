"""Audit events as OCSF 1.8.0 events of the class API Activity (schema.ocsf.io, class 6003), for a SIEM.

Owns what becomes of each field, and must never say more than the event does: where it came from is kept apart from the
log (`audit.private`) and is not exported, so the source that the class requires is said to be unknown. What OCSF has no
place for stands under `unmapped`. The result does not hash to the event's leaf: a proof needs the exact bytes.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from registry.domain.audit import HOLD_FLOOD, OK

VERSION: Final = "1.8.0"
CLASS_UID: Final = 6003
CATEGORY_UID: Final = 6
PRODUCT: Final = "Demand Registry"

_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_ACTIVITIES: Final = {_CREATE: "Create", _READ: "Read", _UPDATE: "Update", _DELETE: "Delete", _OTHER: "Other"}
_VERBS: Final = {
    **dict.fromkeys(("add", "create", "import", "intake", "issue", "open", "record", "register"), _CREATE),
    **dict.fromkeys(("check", "disclose", "download", "evaluate", "export", "list", "look"), _READ),
    **dict.fromkeys(("prove", "read", "view"), _READ),
    "subject": _READ,  # subject_disclosures
    **dict.fromkeys(("change", "close", "end", "expire", "hold", "quarantine", "rekey", "release"), _UPDATE),
    **dict.fromkeys(("resume", "retire", "retract", "revoke", "set", "suspend", "verify"), _UPDATE),
    **dict.fromkeys(("drop", "remove"), _DELETE),
}
"""The first word of an operation's name -> what it does. `verify_listings` may repair what it looks at."""
_DRY_RUN: Final = "_dry_run"
"""Ends the name of an operation that does what its name says to nothing."""
_INFORMATIONAL: Final = 1
_SUCCESS, _FAILURE = 1, 2
_SERVICE: Final = 4
_UNKNOWN: Final = 0
_COMMAND: Final = "cli "
"""Begins the route of what the command line did."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def api_activity(body: bytes, index: int | None) -> bytes:
    """One event as a line of JSON, without the line's end. body: its canonical bytes. index: its place in the log, None
    until it is sealed.
    """
    event: dict[str, Any] = json.loads(body)
    activity = _activity(event["operation"])
    succeeded = event["result"] == OK
    mapped = {
        "activity_id": activity,
        "activity_name": _ACTIVITIES[activity],
        "category_uid": CATEGORY_UID,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "type_uid": CLASS_UID * 100 + activity,
        "type_name": f"API Activity: {_ACTIVITIES[activity]}",
        "severity_id": _INFORMATIONAL,
        "severity": "Informational",
        "status_id": _SUCCESS if succeeded else _FAILURE,
        "status": "Success" if succeeded else "Failure",
        "status_code": event["result"],
        "time": (datetime.fromisoformat(event["time"]) - _EPOCH) // timedelta(milliseconds=1),
        "metadata": _metadata(event, index),
        "actor": _actor(event),
        "api": {
            "operation": event["operation"],
            "request": {"uid": event["request"]["id"]},
            "service": {"name": PRODUCT},
            **({} if succeeded else {"response": {"error": event["result"]}}),
        },
        "src_endpoint": {"name": "unknown", "type_id": _UNKNOWN, "type": "Unknown"},
        "unmapped": _unmapped(event, index),
    }
    return json.dumps(mapped, separators=(",", ":"), ensure_ascii=False).encode()


def _activity(operation: str) -> int:
    """Other where the name's first word says nothing: a request that was refused before it became an operation."""
    if operation.endswith(_DRY_RUN):
        return _READ
    return _VERBS.get(operation.partition("_")[0], _OTHER)


def _metadata(event: Mapping[str, Any], index: int | None) -> dict[str, Any]:
    """uid: of the OCSF event, which the schema keeps apart from the original's; the same in every export."""
    return {
        "version": VERSION,
        "product": {"name": PRODUCT, "vendor_name": PRODUCT},
        "uid": str(uuid5(UUID(event["id"]), f"ocsf {VERSION} {CLASS_UID}")),
        "original_event_uid": event["id"],
        "original_time": event["time"],
        "event_code": event["operation"],
        "correlation_uid": event["request"]["id"],
        "log_name": "audit",
        "log_version": str(event["v"]),
        **({} if index is None else {"sequence": index}),
    }


def _actor(event: Mapping[str, Any]) -> dict[str, Any]:
    """A key acts for its organisation, the command line and the registry itself for nobody that the log knows."""
    key, organisation = event["actor"]["key"], event["actor"]["organisation"]
    if key is not None:
        belongs = {} if organisation is None else {"org": {"uid": organisation}}
        return {"user": {"uid": key, "type_id": _SERVICE, "type": "Service", **belongs}}
    if event["request"]["route"].startswith(_COMMAND) or event["operation"] == HOLD_FLOOD:
        return {"app_name": "demand-registry"}
    return {"user": {"name": "unknown", "type_id": _UNKNOWN, "type": "Unknown"}}


def _unmapped(event: Mapping[str, Any], index: int | None) -> dict[str, Any]:
    """By the event's own names; what is not said there is left out."""
    said = {
        "index": index,
        "route": event["request"]["route"],
        "on_behalf_of": event["actor"]["on_behalf_of"],
        **{name: event[name] for name in ("purpose", "case", "count", "policy", "generation", "subjects")},
    }
    return {name: value for name, value in said.items() if value is not None}
