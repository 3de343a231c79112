"""The demo's plot: four organisations submit what they have, and an employer asks about its numbers.

Everything goes through the running registry's HTTP API, as an integrator's program would. It must never reach past the
API, and never print a number in full.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from registry.demo import employer_report, intake_report, investigator_report, pointing
from registry.demo.answers import Recorded, read_answer
from registry.demo.decoys import Feed
from registry.demo.files import company_csv, json_batches, own_csv, twilio_csv
from registry.demo.http import DemoApi, FileQuestion, Problem
from registry.demo.samples import Samples, Submission, generate

CASE_REF = "HR-2026-118"
PURPOSE = "company_number"
HOME_REGION = "US"
RETRACTION_REASON = "misdial"

REQUESTS_PER_MINUTE = 600
NUMBERS_PER_DAY = 100_000
KEY_DAYS = 2
"""The demo's keys expire by themselves."""

_LETTERS = "bcdfghjkmnpqrstvwxz"
"""No vowels, so that no run is named by an unlucky word; no digits, so that no name holds something like a number."""

_QUESTION = FileQuestion(
    number_column="Phone",
    region_column="Country",
    since_column="Since",
    until_column="Until",
    region=HOME_REGION,
    purpose=PURPOSE,
    case_ref=CASE_REF,
)


@dataclass(slots=True)
class _Registered:
    """What the registry gave out: keys by organisation, ids by decoy key."""

    keys: dict[str, str] = field(default_factory=dict[str, str])
    decoy_ids: dict[str, str] = field(default_factory=dict[str, str])


def run(api: DemoApi, out: Console, today: date) -> None:
    """Play the demo against `api` and print what an investigator and an employer see.

    today: the date in UTC; the samples are laid out around it. Raises SystemExit(1) after having shown the problem when
    the registry refuses something that the demo needs.
    """
    started = perf_counter()
    name = "".join(secrets.choice(_LETTERS) for _ in range(6))
    samples = generate(Random(name), today, name)  # noqa: S311 - sample data: repeatable, not secret
    try:
        _play(api, out, today, samples)
    except Problem as problem:
        investigator_report.show_problem(out, problem)
        raise SystemExit(1) from None
    out.print(f"\nThe demo took {perf_counter() - started:.1f} seconds.")


def _play(api: DemoApi, out: Console, today: date, samples: Samples) -> None:
    investigator_report.show_start(out, api.base_url, samples)
    with _progress(out) as progress:
        registered = _register(api, today, samples, progress)
        recorded = [_submit(api, submission, samples, registered, progress) for submission in samples.submissions]
    investigator_report.show_recorded(out, samples, recorded)
    for submission, outcome in zip(samples.submissions, recorded, strict=True):
        key = registered.keys[submission.investigator.name]
        if submission.investigator.feed is Feed.OWN_FILE:
            _import_again(api, out, key, own_csv(submission.hits, registered.decoy_ids))
        if submission.retract is not None:
            api.retract(key, _hit_id(submission, outcome, submission.retract), RETRACTION_REASON)
            investigator_report.show_retraction(out, submission.investigator.name, RETRACTION_REASON)
    key, asker = registered.keys[samples.pointing.investigator.name], registered.keys[samples.employer]
    pointing.take_in(api, out, samples, key, registered.decoy_ids)
    pointing.exclude_team(api, out, samples, key, asker)
    _check(api, out, samples, asker)


def _progress(out: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=out, transient=True)


def _register(api: DemoApi, today: date, samples: Samples, progress: Progress) -> _Registered:
    """Organisations, their keys and limits, and the decoys."""
    registered = _Registered()
    decoys = sum(len(submission.investigator.decoys) for submission in samples.submissions)
    task = progress.add_task("Organisations and decoys", total=len(samples.submissions) + decoys + 1)
    expires_at = datetime.combine(today + timedelta(days=KEY_DAYS), time(), UTC)
    for submission in samples.submissions:
        investigator = submission.investigator
        key = _open_account(api, investigator.name, "investigator", ("decoys", "hits"), expires_at)
        registered.keys[investigator.name] = key
        progress.advance(task)
        for decoy in investigator.decoys:
            registered.decoy_ids[decoy.key] = api.register_decoy(key, decoy)
            progress.advance(task)
    registered.keys[samples.employer] = _open_account(api, samples.employer, "employer", ("lookups",), expires_at)
    progress.advance(task)
    return registered


def _open_account(api: DemoApi, name: str, kind: str, scopes: Sequence[str], expires_at: datetime) -> str:
    """A new organisation's key."""
    organisation = api.create_organisation(name, kind)
    api.set_limits(organisation, requests_per_minute=REQUESTS_PER_MINUTE, numbers_per_day=NUMBERS_PER_DAY)
    return api.issue_key(organisation, scopes, expires_at)


def _submit(
    api: DemoApi, submission: Submission, samples: Samples, registered: _Registered, progress: Progress
) -> Recorded:
    """All hits of one organisation, the way that it submits them."""
    investigator, hits = submission.investigator, submission.hits
    key = registered.keys[investigator.name]
    task = progress.add_task(f"Hits of {investigator.name}", total=len(hits))
    match investigator.feed:
        case Feed.JSON:
            return _submit_batches(api, key, submission, registered, (progress, task))
        case Feed.OWN_FILE:
            recorded = api.import_hits(key, own_csv(hits, registered.decoy_ids), layout="own", dry_run=False)
        case Feed.TWILIO_FILE:
            numbers = {decoy.key: decoy.number.e164 for decoy in samples.decoys()}
            recorded = api.import_hits(key, twilio_csv(hits, numbers), layout="twilio", dry_run=False)
    progress.advance(task, len(hits))
    return recorded


def _submit_batches(
    api: DemoApi, key: str, submission: Submission, registered: _Registered, shown: tuple[Progress, TaskID]
) -> Recorded:
    recorded = Recorded()
    progress, task = shown
    for batch in json_batches(submission.hits, registered.decoy_ids):
        recorded.merge(api.record_hits(key, batch))
        progress.advance(task, len(batch))
    return recorded


def _import_again(api: DemoApi, out: Console, key: str, content: bytes) -> None:
    """The same file once more: first as a trial, then in earnest. Neither records anything."""
    trial = api.import_hits(key, content, layout="own", dry_run=True)
    again = api.import_hits(key, content, layout="own", dry_run=False)
    investigator_report.show_second_import(out, trial, again)


def _hit_id(submission: Submission, recorded: Recorded, source_id: str) -> str:
    index = next(i for i, hit in enumerate(submission.hits) if hit.source_id == source_id)
    return recorded.ids[index]


def _check(api: DemoApi, out: Console, samples: Samples, key: str) -> None:
    with out.status(f"{samples.employer} checks {len(samples.company):,} numbers"):
        answered = read_answer(api.check_file(key, company_csv(samples.company), _QUESTION))
    if len(answered) != len(samples.company):
        raise Problem("Rows are missing", f"The answer has {len(answered):,} of {len(samples.company):,} rows.", None)
    employer_report.show_check(out, samples, answered)
    outcomes = {row.number: answer.outcome for row, answer in zip(samples.company, answered, strict=True) if row.number}
    intake_report.show_employers_share(out, samples, outcomes)
    pairs = zip(samples.company, answered, strict=True)
    observed = next((row for row, answer in pairs if answer.outcome == "contact_observed"), None)
    if observed is None:
        return
    question = {
        "number": observed.phone,
        "region": observed.country or HOME_REGION,
        "possessed_since": observed.since,
        "possessed_until": observed.until,
        "purpose": PURPOSE,
        "case_ref": CASE_REF,
    }
    answer = api.look_up(key, {name: value for name, value in question.items() if value})
    employer_report.show_guidance(out, str(answer["guidance"]), str(answer["audit_id"]))
