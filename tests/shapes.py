"""The members of every answer, written down by hand: all of these and no others."""

from typing import Any, Final

PROBLEM: Final = frozenset({"type", "title", "status", "detail", "instance", "code", "errors"})
LOOKUP: Final = frozenset({"number", "outcome", "reason", "notes", "evidence", "guidance", "audit_id"})
EVIDENCE: Final = frozenset(
    {"grade", "contacts", "decoys", "organisations", "first_contact", "last_contact", "channels", "policy"}
)
CHECK: Final = frozenset({"results", "counts", "guidance", "audit_id"})
CHECK_RESULT: Final = frozenset({"index", "ref", "number", "outcome", "reason", "notes", "evidence", "problem"})
CHECK_COUNTS: Final = frozenset({"contact_observed", "none", "indeterminate", "refused"})
HITS: Final = frozenset({"results", "recorded", "duplicate", "refused", "audit_id"})
HIT_RESULT: Final = frozenset({"index", "status", "id", "notes", "problem"})
ITEM_PROBLEM: Final = frozenset({"code", "pointer", "detail"})
HIT: Final = frozenset(
    {
        *("id", "decoy_id", "channel", "attestation", "verification", "diverted", "occurred_at", "recorded_at"),
        *("retracted_at", "retraction_reason"),
    }
)
DECOY: Final = frozenset(
    {
        *("id", "label", "role", "region", "live_from", "live_until", "acquired_on", "created_at", "updated_at"),
        *("quarantined_at", "quarantine_reason"),
    }
)
LISTED_DECOY: Final = DECOY | {"organisation_id", "organisation", "withheld_contacts", "last_intake_day"}
IMPORT: Final = frozenset(
    {"rows", "recorded", "duplicate", "refused", "ignored", "dry_run", "audit_id", "audit_ids", "refused_rows"}
)
REFUSED_ROW: Final = frozenset({"line", "code", "field", "detail"})
PAGE: Final = frozenset({"data", "next_cursor", "audit_id"})
ORGANISATION: Final = frozenset(
    {"id", "kind", "name", "requests_per_minute", "numbers_per_day", "created_at", "suspended_at"}
)
KEY: Final = frozenset({"id", "organisation_id", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at"})
EXCLUSION: Final = frozenset(
    {
        *("id", "reason", "expires_at", "created_at", "removed_at", "mistaken", "covers_since", "expired"),
        *("organisation_id", "organisation"),
    }
)
EXCLUSION_IMPORT: Final = frozenset(
    {"rows", "added", "extended", "already", "refused", "dry_run", "columns", "audit_id", "audit_ids", "refused_rows"}
)
EXCLUSION_REMOVAL_FILE: Final = frozenset(
    {
        "rows",
        "ended",
        "not_excluded",
        "refused",
        "dry_run",
        "columns",
        "audit_id",
        "audit_ids",
        "refused_rows",
        "not_excluded_rows",
    }
)
DISPUTE: Final = frozenset({"id", "opened_at", "due_on", "closed_at", "resolution"})
ACCOUNT: Final = frozenset({"organisation_id", "organisation", "kind", "key", "scopes", "mode", "limits", "audit_id"})
LIMIT: Final = frozenset({"name", "quota", "window_seconds", "remaining", "reset_seconds", "unit"})
PARAMETERS: Final = frozenset(
    {
        *("generations", "served_regions", "accept_fictional", "normaliser_version", "epoch_seconds", "test_key"),
        *("test_vectors", "audit_id"),
    }
)
GENERATION: Final = frozenset(
    {"generation", "suite", "public_key", "input_prefix", "chain", "chain_prefix", "batch_max", "set"}
)
SET: Final = frozenset({"etag", "entries", "bytes", "prefix_bits", "bucket_entries", "epoch"})
DISCLOSURES: Final = CHECK
DISCLOSURE: Final = CHECK_RESULT - {"number", "notes"}
RECEIPT: Final = frozenset({"audit_id"})


def refusal_of(answer: Any, status: int, code: str, pointer: str | None = None) -> dict[str, Any]:
    """The problem document of a refused answer that is on record. pointer: that of its only entry, if it has one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    extra = {"violated-policies"} if code == "quota_exceeded" else set[str]()
    assert problem.keys() - {"audit_id"} == PROBLEM | extra
    assert problem["code"] == code
    assert problem["type"] == f"/problems#{code.replace('_', '-')}"
    if pointer is None:
        assert problem["errors"] == []
    else:
        assert [(entry["pointer"], entry["code"]) for entry in problem["errors"]] == [(pointer, code)]
    return problem
