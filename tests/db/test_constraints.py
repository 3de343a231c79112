"""What the database refuses, and how a refusal is told: every conflict that can happen has its problem code."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from house import House, fictional_numbers, opened_database, opened_house
from interleaved import caller_of
from psycopg import errors

from registry.db.constraints import CONFLICTS
from registry.db.database import DatabaseFault
from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import OrganisationKind
from registry.domain.errors import Code, Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Role
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.manage_disputes import OpenDispute
from registry.operations.manage_exclusions import AddExclusion
from registry.operations.manage_generations import AddGeneration
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Caller, Operation, Request

NUMBERS: Final = fictional_numbers()
AT: Final = datetime(2026, 11, 1, tzinfo=UTC)

NEVER_MET: Final = {
    # Ids and receipts are made with enough random bits.
    *("organisations_pkey", "api_keys_pkey", "decoys_pkey", "hits_pkey", "exclusions_pkey", "disputes_pkey"),
    *("event_pkey", "event_event_id_key", "subject_pkey", "private_pkey", "submissions_by_hit"),
    *("provider_credentials_pkey", "decoys_intake_token_key"),
    # Statements that meet a row there take it as it is (ON CONFLICT).
    *("submissions_pkey", "listings_pkey", "key_rates_pkey", "address_rates_pkey", "organisation_days_pkey"),
    *("withheld_contacts_pkey", "withheld_sources_pkey"),
    *("decoy_days_pkey", "charges_pkey", "private_sets_pkey", "private_set_slots_pkey"),
    # A request holds its Idempotency-Key's lock before it stores an answer.
    "idempotency_keys_pkey",
    # The operator adds generations one by one, on the machine that holds the key file.
    *("generations_pkey", "generations_public_key_key"),
    # Written by the owner's own command, which takes up what it left off.
    *("rekeyings_pkey", "rekeyed_tags_pkey"),
    # One sealer works at a time, under a lock; these hold where somebody worked around it. No request writes there.
    *("leaf_pkey", "leaf_event_key", "tile_pkey", "checkpoint_pkey"),
    "alembic_version_pkc",
}
"""Unique constraints and indexes that no request can violate, with the reason why."""

CHECKED_BEFORE: Final = {
    # Closed lists, lengths, forms and ranges that `prepare` checks, or that this code alone writes.
    *("organisations_kind", "organisations_name_length", "organisations_requests_per_minute"),
    *("organisations_numbers_per_day", "api_keys_id_form", "api_keys_secret_hash", "api_keys_scopes"),
    *("generations_number", "generations_public_key", "decoys_label_length", "decoys_tag", "decoys_role"),
    *("hits_tag", "hits_channel", "hits_attestation", "hits_retraction_reason", "hits_retraction"),
    *("hits_provider", "hits_verification"),
    *("submissions_source_key", "listings_tag", "listings_grade", "listings_facts", "exclusions_tag"),
    *("exclusions_reason", "disputes_tag", "disputes_resolution", "disputes_closure"),
    *("idempotency_keys_fingerprint", "idempotency_keys_request", "organisation_days_used"),
    *("event_body_length", "subject_tag", "charges_fingerprint", "charges_request"),
    *("private_sets_entries", "private_sets_prefix_bits", "private_sets_digest", "private_sets_buckets"),
    *("private_set_slots_slot", "private_set_slots_ids", "rekeyings_public_key", "rekeyings_successor"),
    *("rekeyed_tags_tag", "rekeyed_tags_successor", "leaf_idx", "leaf_hash", "tile_level", "tile_n", "tile_hashes"),
    *("tile_root", "checkpoint_size", "checkpoint_root"),
    *("decoys_quarantine", "decoys_quarantine_reason"),
    *("decoy_days_provider", "decoy_days_contacts", "decoy_days_forgiven"),
    *(
        "provider_credentials_provider",
        "provider_credentials_sealed",
        "provider_credentials_retirement",
        "provider_credentials_label",
    ),
    *("decoys_intake_token", "withheld_contacts_contacts", "withheld_sources_source_key"),
    # Organisations, decoys and generations are never deleted, and were looked up before.
    *(
        "api_keys_organisation",
        "decoys_organisation",
        "decoys_generation",
        "hits_generation",
        "hits_decoy",
        "decoy_days_decoy",
    ),
    *("generations_parent", "exclusions_generation", "exclusions_organisation", "disputes_generation"),
    *("private_sets_generation", "rekeyings_generation"),
    *("provider_credentials_organisation", "withheld_contacts_decoy"),
}


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="module")
def caller(house: House) -> Caller:
    return caller_of(house.member("investigator").id)


@pytest.fixture(scope="module")
def run(house: House) -> Callable[..., Any]:
    def run(operation: Operation[Any, Any], caller: Caller = COMMAND_LINE) -> Any:
        return house.registry.run(operation, caller, Request(house.registry.new_id(), "test")).result

    return run


def names(house: House, statement: str) -> set[str]:
    return {row[0] for row in house.superuser.execute(statement.encode())}


UNIQUE: Final = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE (i.indisunique OR i.indisexclusion) AND c.relnamespace IN ('registry'::regnamespace, 'audit'::regnamespace)"
)
CHECKS: Final = (
    "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'f')"
    " AND connamespace IN ('registry'::regnamespace, 'audit'::regnamespace)"
)


def test_every_constraint_is_told_as_a_problem_or_known_never_to_be_met(house: House) -> None:
    assert names(house, UNIQUE) | names(house, CHECKS) == CONFLICTS.keys() | NEVER_MET | CHECKED_BEFORE
    assert not CONFLICTS.keys() & (NEVER_MET | CHECKED_BEFORE)


def test_every_conflict_is_met_and_told_by_its_code(house: House, caller: Caller, run: Callable[..., Any]) -> None:
    number, line = next(NUMBERS), next(NUMBERS)
    decoy = run(RegisterDecoy("A line", line, Role.TEST, live_from=AT), caller)
    other = run(RegisterDecoy("Another line", next(NUMBERS), Role.TEST), caller)
    run(CreateOrganisation(OrganisationKind.PARTNER, "Taken"))
    run(AddExclusion(number, ExclusionReason.OTHER))
    run(OpenDispute(number))
    met: list[Code] = []
    for operation, who in (
        (CreateOrganisation(OrganisationKind.EMPLOYER, "Taken"), COMMAND_LINE),
        (RegisterDecoy("The same line", line, Role.ADVERTISEMENT), caller),
        (ChangeDecoy(decoy.id, {"live_until": AT - timedelta(days=1)}), caller),
        (AddExclusion(number, ExclusionReason.POLICE), COMMAND_LINE),
        (OpenDispute(number), COMMAND_LINE),
        (ChangeDecoy(other.id, {"number": line}), caller),
    ):
        with pytest.raises(Refused) as caught:
            run(operation, who)
        met.append(caught.value.code)
        assert number not in str(caught.value)
        assert line not in str(caught.value)
    assert set(met[:-1]) == {conflict.code for conflict in CONFLICTS.values()}
    assert met[-1] is Code.DECOY_NUMBER_TAKEN


def test_an_exclusion_that_has_expired_is_not_in_the_way_of_a_new_one(house: House, run: Callable[..., Any]) -> None:
    number = next(NUMBERS)
    run(AddExclusion(number, ExclusionReason.OTHER, expires_at=house.clock.now + timedelta(days=1)))
    before = house.clock.now
    try:
        house.clock.advance(days=2)
        run(AddExclusion(number, ExclusionReason.OTHER))
    finally:
        house.clock.now = before


def test_a_violation_that_nobody_foresaw_names_its_constraint_and_no_value(
    house: House, run: Callable[..., Any]
) -> None:
    with pytest.raises(DatabaseFault) as caught:
        run(AddGeneration(1, bytes(32)))
    assert str(caught.value) == "constraint generations_pkey was violated"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


IMPOSSIBLE: Final = {
    "an organisation of no kind": (
        "INSERT INTO registry.organisations VALUES (gen_random_uuid(), 'police', 'Somebody', 1, 1)"
    ),
    "a listing that counts contacts and grades none": "UPDATE registry.listings SET grade = NULL, contacts = 1",
    "a hit without a decoy": (
        "INSERT INTO registry.hits (tag, id, generation, organisation_id, decoy_id, channel, diverted, line_type,"
        " occurred_at, normaliser_version) VALUES (sha256('a'), gen_random_uuid(), 1, gen_random_uuid(),"
        " gen_random_uuid(), 'sms', false, 'mobile', now(), 'x')"
    ),
    "a number where a tag belongs": (
        "INSERT INTO registry.listings (tag, generation, contacts, decoys, organisations, channels, excluded, disputed,"
        " policy) VALUES ('+12065550177', 1, 0, 0, 0, '{}', false, false, '')"
    ),
    "a retraction without a reason": "UPDATE registry.hits SET retracted_at = now()",
    "a retraction for a reason of somebody's own": "UPDATE registry.hits SET retraction_reason = 'Mr Smith'",
    "a quarantine for no reason": "UPDATE registry.decoys SET quarantined_at = now()",
    "a quarantine for a reason of somebody's own": (
        "UPDATE registry.decoys SET quarantined_at = now(), quarantine_reason = 'Mr Smith'"
    ),
    "fewer contacts than none": "INSERT INTO registry.decoy_days SELECT id, now(), '', -1 FROM registry.decoys",
    "contacts by no provider": "INSERT INTO registry.decoy_days SELECT id, now(), 'x', 1 FROM registry.decoys",
    "contacts of a decoy there is not": "INSERT INTO registry.decoy_days VALUES (gen_random_uuid(), now(), '', 1)",
    "a decoy that ends as it begins": "UPDATE registry.decoys SET live_from = now(), live_until = now()",
    "a secret that was not hashed": "UPDATE registry.api_keys SET secret_hash = 'secret'",
    "a scope that there is not": "UPDATE registry.api_keys SET scopes = '{everything}'",
    "a key for nothing": "UPDATE registry.api_keys SET scopes = '{}'",
    "fewer numbers used than none": "INSERT INTO registry.organisation_days VALUES (gen_random_uuid(), now(), -1)",
    "a closed dispute without a resolution": "UPDATE registry.disputes SET closed_at = now()",
    "a charge for an Idempotency-Key as it was sent": (
        "INSERT INTO registry.charges VALUES (gen_random_uuid(), 'for +12065550177', sha256('a'))"
    ),
    "a private set of half an id": "INSERT INTO registry.private_set_slots VALUES (1, 0, 'abcd')",
    "a private set that has a slot too many": "INSERT INTO registry.private_set_slots VALUES (1, 4096, sha256('a'))",
    "a private set in buckets of nothing": (
        "INSERT INTO registry.private_sets VALUES (1, now(), 'x', 1, 4, 0, sha256('a'))"
    ),
    "a private set of no generation": "INSERT INTO registry.private_sets VALUES (9, now(), 'x', 1, 0, 0, sha256('a'))",
    "a generation that follows itself": "INSERT INTO registry.rekeyings VALUES (1, 1, sha256('a'))",
    "a number that follows a tag": "INSERT INTO registry.rekeyed_tags VALUES (1, sha256('a'), '+12065550177')",
    "an event before the first": "INSERT INTO audit.leaf VALUES (-1, '1', 1, sha256('a'))",
    "half a hash": "INSERT INTO audit.leaf VALUES (0, '1', 1, '\\x00')",
    "a tile that is not full": "INSERT INTO audit.tile VALUES (0, 0, sha256('a'), sha256('a'))",
    "a tile on a level that no log reaches": (
        "INSERT INTO audit.tile VALUES (8, 0, decode(repeat('00', 8192), 'hex'), sha256('a'))"
    ),
    "a tile left of the first": (
        "INSERT INTO audit.tile VALUES (0, -1, decode(repeat('00', 8192), 'hex'), sha256('a'))"
    ),
    "a tile with half a root": "INSERT INTO audit.tile VALUES (0, 0, decode(repeat('00', 8192), 'hex'), 'a')",
    "a head of nothing": (
        "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note) VALUES (0, sha256('a'), '1', 1, '')"
    ),
    "a head with half a root": (
        "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note) VALUES (1, 'a', '1', 1, '')"
    ),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_even_a_superuser_cannot_store(house: House, caller: Caller, run: Callable[..., Any], what: str) -> None:
    number = next(NUMBERS)
    decoy = house.superuser.execute("SELECT id FROM registry.decoys LIMIT 1").fetchone()
    if decoy is None:
        decoy = (run(RegisterDecoy("A line", next(NUMBERS), Role.TEST), caller).id,)
    run(OpenDispute(number))
    house.superuser.execute(
        "INSERT INTO registry.hits (tag, id, generation, organisation_id, decoy_id, channel, diverted, line_type,"
        " occurred_at, normaliser_version)"
        " VALUES (sha256('a'), gen_random_uuid(), 1, gen_random_uuid(), %s, 'sms', false, 'mobile', now(), 'x')",
        decoy,
    )
    with pytest.raises((errors.CheckViolation, errors.ForeignKeyViolation)):
        house.superuser.execute(IMPOSSIBLE[what].encode())
