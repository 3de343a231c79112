import csv
import io
from datetime import date, datetime
from functools import cache
from random import Random
from uuid import UUID, uuid5

from registry.demo.contacts import Fate
from registry.demo.decoys import Feed
from registry.demo.files import (
    BATCH,
    OWN_HEADER,
    OWN_UNREADABLE_ROWS,
    TWILIO_HEADER,
    company_csv,
    json_batches,
    own_csv,
    replies,
    twilio_csv,
)
from registry.demo.samples import Samples, Submission, generate

TODAY = date(2026, 11, 21)
NAMESPACE = UUID("0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d")


@cache
def samples() -> Samples:
    return generate(Random("krtbmw"), TODAY, "krtbmw")  # noqa: S311 - sample data: repeatable, not secret


def submissions(feed: Feed) -> list[Submission]:
    return [submission for submission in samples().submissions if submission.investigator.feed is feed]


def decoy_ids() -> dict[str, str]:
    return {decoy.key: str(uuid5(NAMESPACE, decoy.key)) for decoy in samples().decoys()}


def decoy_numbers() -> dict[str, str]:
    return {decoy.key: decoy.number.e164 for decoy in samples().decoys()}


def rows_of(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_json_batches_hold_every_hit_once_and_at_most_a_thousand() -> None:
    for submission in submissions(Feed.JSON):
        batches = list(json_batches(submission.hits, decoy_ids()))
        assert all(0 < len(batch) <= BATCH for batch in batches)
        items = [item for batch in batches for item in batch]
        assert [item["source_id"] for item in items] == [hit.source_id for hit in submission.hits]
        assert {key for item in items for key in item} == set(OWN_HEADER)
        for item, hit in zip(items, submission.hits, strict=True):
            assert item["number"] == hit.contact.written.text
            assert datetime.fromisoformat(str(item["occurred_at"])) == hit.contact.occurred_at
            assert item.get("region") == hit.contact.written.region


def test_the_own_file_holds_every_hit_and_some_unreadable_rows() -> None:
    (submission,) = submissions(Feed.OWN_FILE)
    rows = rows_of(own_csv(submission.hits, decoy_ids()))
    assert tuple(rows[0]) == OWN_HEADER
    assert len(rows) == len(submission.hits) + OWN_UNREADABLE_ROWS
    for row, hit in zip(rows, submission.hits, strict=False):
        assert row["number"] == hit.contact.written.text
        assert row["diverted"] == ("true" if hit.contact.diverted else "")
    source_ids = {hit.source_id for hit in submission.hits}
    assert not source_ids & {row["source_id"] for row in rows[-OWN_UNREADABLE_ROWS:]}


def test_the_message_log_has_the_hits_as_inbound_rows_and_the_replies_as_outbound_ones() -> None:
    (submission,) = submissions(Feed.TWILIO_FILE)
    rows = rows_of(twilio_csv(submission.hits, decoy_numbers()))
    assert tuple(rows[0]) == TWILIO_HEADER
    inbound = [row for row in rows if row["Direction"] == "inbound"]
    assert [row["Sid"] for row in inbound] == [hit.source_id for hit in submission.hits]
    assert len(rows) - len(inbound) == replies(submission.hits) > 300
    by_sid = {hit.source_id: hit for hit in submission.hits}
    for row in inbound:
        contact = by_sid[row["Sid"]].contact
        assert row["From"] == contact.written.text
        assert row["To"] == decoy_numbers()[contact.decoy] or contact.fate is not Fate.RECORDED
        assert row["Sid"].startswith("MM") == (contact.channel == "mms")


def test_a_message_log_can_say_all_that_is_to_be_said_of_its_hits() -> None:
    (submission,) = submissions(Feed.TWILIO_FILE)
    for hit in submission.hits:
        assert hit.contact.channel in ("sms", "mms")
        assert not hit.contact.diverted
        assert hit.contact.written.text == hit.contact.number or hit.contact.fate is Fate.REFUSED


def test_the_company_file_is_as_messy_as_a_spreadsheet_leaves_it() -> None:
    content = company_csv(samples().company)
    assert content.startswith(b"\xef\xbb\xbfEmployee device;Phone;Country;Since;Until\r\n")
    assert content.count(b"\r\n\r\n") == 5
    rows = rows_of(content, ";")
    assert [tuple(row.values()) for row in rows] == [
        (row.device, row.phone, row.country, row.since, row.until) for row in samples().company
    ]
    assert any(row.device.startswith("=") for row in samples().company)
    assert any(";" in row.device for row in samples().company)
    texts = [row.phone for row in samples().company]
    assert any("ext" in text for text in texts)
    assert any("\u0660" <= character <= "\u0669" for text in texts for character in text)
