"""The shapes in which the sample data travels: JSON hits, CSV files of hits, the employer's CSV file.

It writes what other systems would write, byte for byte; it must never repair what the samples say.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from registry.demo.company import CompanyRow
from registry.demo.samples import Hit

BATCH = 1_000
"""Most hits that one POST /v1/hits takes."""

OWN_HEADER = ("source_id", "decoy_id", "number", "region", "channel", "occurred_at", "attestation", "diverted")
TWILIO_HEADER = (
    *("From", "To", "Body", "Status", "SentDate", "ApiVersion", "NumSegments", "ErrorCode"),
    *("AccountSid", "Sid", "Direction", "Price", "PriceUnit"),
)
COMPANY_HEADER = ("Employee device", "Phone", "Country", "Since", "Until")
COMPANY_DELIMITER: Final = ";"

OWN_UNREADABLE_ROWS = 5
"""Rows of the registry's own format that say nothing usable; all are refused."""

REPLY_EVERY = 3
"""An investigator answers every third text; the message log holds the answers, too."""

_BLANK_LINE_EVERY = 400

_BODIES = (
    "hi is this still up",
    'saw your ad, "still available"?',
    "hello\nare you there",
    "ok thanks, bye",
    "call me back on (206) 555-0199",
    "\u00bfest\u00e1s ah\u00ed? \u2026",
    "=2+2",
    "",
)
"""Invented and harmless; the registry must read none of it into anything."""


def json_batches(hits: Sequence[Hit], decoy_ids: Mapping[str, str]) -> Iterator[list[dict[str, str | bool]]]:
    """The bodies of POST /v1/hits, at most 1,000 hits each; `decoy_ids` maps a decoy's key to the registry's id."""
    for start in range(0, len(hits), BATCH):
        yield [_json_hit(hit, decoy_ids) for hit in hits[start : start + BATCH]]


def _json_hit(hit: Hit, decoy_ids: Mapping[str, str]) -> dict[str, str | bool]:
    contact = hit.contact
    item: dict[str, str | bool] = {
        "source_id": hit.source_id,
        "decoy_id": decoy_ids[contact.decoy],
        "number": contact.written.text,
        "channel": contact.channel,
        "occurred_at": _rfc3339(contact.occurred_at),
        "diverted": contact.diverted,
    }
    if contact.written.region is not None:
        item["region"] = contact.written.region
    if contact.attestation is not None:
        item["attestation"] = contact.attestation
    return item


def own_csv(hits: Sequence[Hit], decoy_ids: Mapping[str, str]) -> bytes:
    """A file in the registry's own header, and at its end some rows that cannot be read."""
    rows = [
        (
            hit.source_id,
            decoy_ids[hit.contact.decoy],
            hit.contact.written.text,
            hit.contact.written.region or "",
            hit.contact.channel,
            _rfc3339(hit.contact.occurred_at),
            hit.contact.attestation or "",
            "true" if hit.contact.diverted else "",
        )
        for hit in hits
    ]
    last = rows[-1]
    unreadable = (
        (f"{last[0]}a", last[1], "+12065550101", "", "sms", "yesterday evening", "", ""),
        (f"{last[0]}b", last[1], "+12065550102", "", "fax", last[5], "", ""),
        (f"{last[0]}c", "", "+12065550103", "", "sms", last[5], "", ""),
        (f"{last[0]}d", last[1], "2" * 80, "US", "sms", last[5], "", ""),
        (f"{last[0]}e", last[1], "", "US", "voice", last[5], "", ""),
    )
    return _csv(OWN_HEADER, [*rows, *unreadable]).encode()


def twilio_csv(hits: Sequence[Hit], decoy_numbers: Mapping[str, str]) -> bytes:
    """A message log as Twilio's console exports it; `decoy_numbers` maps a decoy's key to its E.164 number."""
    return _csv(TWILIO_HEADER, _twilio_rows(hits, decoy_numbers)).encode()


def replies(hits: Sequence[Hit]) -> int:
    """How many rows of the message log are the investigators' own."""
    return len(range(0, len(hits), REPLY_EVERY))


def _twilio_rows(hits: Sequence[Hit], decoy_numbers: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    fixed = ("2010-04-01", "1", "", f"AC{'d' * 32}")
    price = ("-0.0083", "USD")
    for i, hit in enumerate(hits):
        caller, decoy = hit.contact.written.text, decoy_numbers[hit.contact.decoy]
        sent = _rfc3339(hit.contact.occurred_at)
        body = _BODIES[i % len(_BODIES)]
        yield (caller, decoy, body, "received", sent, *fixed, hit.source_id, "inbound", *price)
        if i % REPLY_EVERY == 0:
            sid = f"SM{hit.source_id[:1:-1]}"
            yield (decoy, caller, "Sorry, not any more.", "delivered", sent, *fixed, sid, "outbound-reply", *price)


def company_csv(rows: Sequence[CompanyRow]) -> bytes:
    """The employer's file as a spreadsheet saves it: byte order mark, semicolons, CRLF, here and there a blank line."""
    cells = [(row.device, row.phone, row.country, row.since, row.until) for row in rows]
    parts = [_csv(COMPANY_HEADER, [], COMPANY_DELIMITER)]
    for start in range(0, len(cells), _BLANK_LINE_EVERY):
        parts.append(_csv(None, cells[start : start + _BLANK_LINE_EVERY], COMPANY_DELIMITER))
        parts.append("\r\n")
    return "".join(parts).encode("utf-8-sig")


def _csv(header: Sequence[str] | None, rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    if header is not None:
        writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
