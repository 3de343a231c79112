"""What the application's login may do, and what it may not: held against the database, as that login. The grants of
all roles stand here; what the sealer's comes to is in test_sealer_grants.py.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import psycopg
import pytest
from databases import DatabaseUrls, dsn
from granted import EVENT, with_rows
from psycopg import errors

from registry.db.embedded import EmbeddedUrls

Connection = psycopg.Connection[tuple[Any, ...]]

READ_AND_ADD: Final = frozenset({"SELECT", "INSERT"})
WHOLE_TABLE: Final = {
    "registry.alembic_version": frozenset({"SELECT"}),
    "registry.organisations": READ_AND_ADD,
    "registry.api_keys": READ_AND_ADD,
    "registry.generations": READ_AND_ADD,
    "registry.decoys": READ_AND_ADD,
    "registry.decoy_days": READ_AND_ADD,
    "registry.hits": READ_AND_ADD,
    "registry.submissions": READ_AND_ADD,
    "registry.exclusions": READ_AND_ADD,
    "registry.provider_credentials": READ_AND_ADD,
    "registry.withheld_contacts": READ_AND_ADD,
    "registry.withheld_sources": READ_AND_ADD,
    "registry.disputes": READ_AND_ADD,
    "registry.listings": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
    "registry.idempotency_keys": frozenset({"SELECT", "INSERT", "DELETE"}),
    "registry.key_rates": frozenset({"SELECT", "INSERT", "UPDATE"}),
    "registry.organisation_days": frozenset({"SELECT", "INSERT", "UPDATE"}),
    "registry.address_rates": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
    "registry.charges": frozenset({"SELECT", "INSERT", "DELETE"}),
    "registry.private_sets": frozenset({"SELECT", "INSERT", "UPDATE"}),
    "registry.private_set_slots": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
    # Hashes and signed heads are public. Only the sealer adds to them.
    "audit.leaf": frozenset({"SELECT"}),
    "audit.tile": frozenset({"SELECT"}),
    "audit.checkpoint": frozenset({"SELECT"}),
}
_READ_BY_READERS: Final = (
    *("audit.event", "audit.subject", "audit.leaf", "audit.tile", "audit.checkpoint"),
    *("registry.organisations", "registry.generations", "registry.alembic_version"),
)
READER_WHOLE_TABLE: Final = dict.fromkeys(_READ_BY_READERS, frozenset({"SELECT"}))
SEALER_WHOLE_TABLE: Final = {
    "audit.event": frozenset({"SELECT"}),
    **dict.fromkeys(("audit.leaf", "audit.tile", "audit.checkpoint"), READ_AND_ADD),
    "registry.alembic_version": frozenset({"SELECT"}),
}
SINGLE_COLUMNS: Final = {
    "UPDATE": {
        "registry.organisations": {"requests_per_minute", "numbers_per_day", "suspended_at"},
        "registry.api_keys": {"expires_at", "revoked_at", "last_used_at"},
        "registry.generations": {"retired_at"},
        "registry.decoys": {
            *("label", "tag", "generation", "role", "region", "live_from", "live_until", "acquired_on", "updated_at"),
            *("quarantined_at", "quarantine_reason", "intake_token"),
        },
        "registry.decoy_days": {"contacts", "forgiven"},
        "registry.hits": {"retracted_at", "retraction_reason"},
        "registry.exclusions": {"removed_at", "covers_since", "expires_at", "mistaken"},
        "registry.provider_credentials": {"retired_at", "verifies_until"},
        "registry.withheld_contacts": {"contacts"},
        "registry.disputes": {"closed_at", "resolution"},
        "registry.charges": {"charged_at"},
    },
    "INSERT": {
        "audit.event": {"body"},
        "audit.subject": {"tag", "event", "generation"},
        "audit.private": {"event", "nonce", "address", "user_agent"},
    },
}
FUNCTIONS: Final = {
    *(
        "registry.admit",
        "registry.charge_once",
        "registry.spend_address",
        "registry.spend_addresses",
        "registry.carry_contacts",
        "audit.field",
    ),
}
GROUPS: Final = ("registry_app", "registry_log_reader", "registry_sealer")
FORBIDDEN: Final = (
    # The audit log can be written and neither read nor changed.
    *("SELECT * FROM audit.event", "SELECT * FROM audit.subject", "SELECT * FROM audit.private"),
    *("SELECT count(*) FROM audit.event", "SELECT FROM audit.subject", "SELECT address FROM audit.private"),
    *("DELETE FROM audit.event", "DELETE FROM audit.subject", "DELETE FROM audit.private"),
    *("TRUNCATE audit.event", "TRUNCATE audit.subject", "TRUNCATE audit.private"),
    "UPDATE audit.event SET body = body",
    "UPDATE audit.subject SET tag = tag",
    "UPDATE audit.private SET address = NULL",
    "INSERT INTO audit.event (body) VALUES (:event) RETURNING id",
    "INSERT INTO audit.event (body, at) VALUES (:event, now() - interval '1 year')",
    "INSERT INTO audit.event (body, id) OVERRIDING SYSTEM VALUE VALUES (:event, 1)",
    "INSERT INTO audit.event (body, xid) VALUES (:event, '1')",
    "INSERT INTO audit.private (event, nonce, at) VALUES (gen_random_uuid(), '', now() - interval '1 year')",
    "ALTER TABLE audit.event DISABLE TRIGGER ALL",
    "DROP TRIGGER event_append_only ON audit.event",
    "DROP TABLE audit.event",
    "BEGIN; LOCK TABLE audit.event IN ACCESS EXCLUSIVE MODE",
    "CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "SET session_replication_role = 'replica'",
    # The log can be read, and only the sealer adds to it.
    "INSERT INTO audit.leaf (idx, xid, id, hash) VALUES (1, '1', 1, sha256('a'))",
    "INSERT INTO audit.tile (level, n, hashes, root) VALUES (0, 0, '', sha256('a'))",
    "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note) VALUES (2, sha256('a'), '1', 1, '')",
    *(
        "UPDATE audit.leaf SET hash = hash",
        "UPDATE audit.tile SET root = root",
        "UPDATE audit.checkpoint SET note = ''",
    ),
    *("DELETE FROM audit.leaf", "DELETE FROM audit.tile", "DELETE FROM audit.checkpoint"),
    *("TRUNCATE audit.leaf", "TRUNCATE audit.tile", "TRUNCATE audit.checkpoint"),
    "GRANT registry_sealer TO registry_api",
    # What was recorded stays as it was recorded.
    "DELETE FROM registry.hits",
    "TRUNCATE registry.hits",
    "UPDATE registry.hits SET tag = sha256('b')",
    "UPDATE registry.hits SET occurred_at = now()",
    "UPDATE registry.hits SET organisation_id = gen_random_uuid()",
    "DELETE FROM registry.submissions",
    "UPDATE registry.submissions SET tag = sha256('b')",
    "DELETE FROM registry.exclusions",
    "UPDATE registry.exclusions SET tag = sha256('b')",
    "UPDATE registry.exclusions SET organisation_id = NULL",
    "UPDATE registry.exclusions SET reason = 'other'",
    "DELETE FROM registry.disputes",
    "UPDATE registry.disputes SET due_on = NULL",
    "DELETE FROM registry.decoys",
    "UPDATE registry.decoys SET organisation_id = gen_random_uuid()",
    "DELETE FROM registry.decoy_days",
    "TRUNCATE registry.decoy_days",
    "UPDATE registry.decoy_days SET day = now()",
    # What providers sign with is retired, and never replaced, taken away or made another's.
    "DELETE FROM registry.provider_credentials",
    "UPDATE registry.provider_credentials SET sealed = sha256('b')",
    "UPDATE registry.provider_credentials SET organisation_id = gen_random_uuid()",
    "DELETE FROM registry.withheld_contacts",
    "DELETE FROM registry.withheld_sources",
    # Nobody becomes somebody else.
    "DELETE FROM registry.organisations",
    "UPDATE registry.organisations SET kind = 'operator'",
    "DELETE FROM registry.api_keys",
    "UPDATE registry.api_keys SET scopes = '{operator}'",
    "UPDATE registry.api_keys SET secret_hash = '$argon2id$'",
    "UPDATE registry.api_keys SET organisation_id = gen_random_uuid()",
    "DELETE FROM registry.generations",
    "UPDATE registry.generations SET public_key = sha256('b')",
    "UPDATE registry.idempotency_keys SET body = ''",
    "DELETE FROM registry.key_rates",
    "DELETE FROM registry.organisation_days",
    # What was paid for stays what it was.
    "UPDATE registry.charges SET request = sha256('b')",
    "UPDATE registry.charges SET organisation_id = gen_random_uuid()",
    "TRUNCATE registry.charges",
    "DELETE FROM registry.private_sets",
    # Old tags beside new ones, as a chained generation needs them for a while, are the owner's alone.
    *("SELECT * FROM registry.rekeyed_tags", "INSERT INTO registry.rekeyed_tags VALUES (1, sha256('a'), sha256('b'))"),
    *("SELECT * FROM registry.rekeyings", "INSERT INTO registry.rekeyings VALUES (1, 2, sha256('a'))"),
    # The schema is the owner's.
    "UPDATE registry.alembic_version SET version_num = '4711'",
    "CREATE TABLE registry.numbers (number text)",
    "CREATE TABLE public.numbers (number text)",
    "ALTER TABLE registry.hits ADD COLUMN number text",
    "DROP TABLE registry.hits",
    "DROP SCHEMA audit CASCADE",
    "CREATE ROLE somebody",
    "SET ROLE registry_owner",
    "SET ROLE postgres",
    "COPY registry.hits TO PROGRAM 'cat'",
)


@pytest.fixture(scope="module")
def here(cluster: EmbeddedUrls, template: str) -> Iterator[DatabaseUrls]:
    with with_rows(cluster, template) as urls:
        yield urls


@pytest.fixture
def application(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(dsn(here.app), autocommit=True) as connection:
        yield connection


@pytest.fixture
def superuser(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(here.superuser_dsn, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_application_may_not(application: Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        application.execute(statement.replace(":event", f"'{EVENT}'").encode())


def test_the_application_login_and_the_roles_are_nobody_special(superuser: Connection) -> None:
    rows = superuser.execute(
        "SELECT rolname, rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication"
        " FROM pg_roles WHERE rolname LIKE 'registry_%' AND rolname <> 'registry_owner' ORDER BY 1"
    ).fetchall()
    assert rows == [("registry_api", True, False), *((role, False, False) for role in GROUPS)]


@pytest.mark.parametrize(
    ("role", "granted"),
    list(zip(GROUPS, (WHOLE_TABLE, READER_WHOLE_TABLE, SEALER_WHOLE_TABLE), strict=True)),
    ids=GROUPS,
)
def test_the_grants_on_whole_tables_are_these_and_no_others(
    superuser: Connection, role: str, granted: dict[str, frozenset[str]]
) -> None:
    found: dict[str, set[str]] = {}
    for table, privilege in superuser.execute(
        "SELECT table_schema || '.' || table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = %s",
        (role,),
    ):
        found.setdefault(table, set()).add(privilege)
    assert found == granted


@pytest.mark.parametrize(
    ("role", "granted", "columns"),
    [
        ("registry_app", WHOLE_TABLE, SINGLE_COLUMNS),
        ("registry_log_reader", READER_WHOLE_TABLE, {}),
        ("registry_sealer", SEALER_WHOLE_TABLE, {}),
    ],
    ids=GROUPS,
)
def test_the_grants_on_single_columns_are_these_and_no_others(
    superuser: Connection, role: str, granted: dict[str, frozenset[str]], columns: dict[str, dict[str, set[str]]]
) -> None:
    found: dict[str, dict[str, set[str]]] = {}
    for table, column, privilege in superuser.execute(
        "SELECT table_schema || '.' || table_name, column_name, privilege_type"
        " FROM information_schema.column_privileges WHERE grantee = %s",
        (role,),
    ):
        if privilege not in granted.get(table, ()):  # a grant on a table is one on each of its columns
            found.setdefault(privilege, {}).setdefault(table, set()).add(column)
    assert found == columns


def test_nothing_is_granted_to_everybody_or_to_a_login_directly(superuser: Connection) -> None:
    """Neither on tables, columns, sequences, functions nor schemas; the owner has what it has by owning."""
    rows = superuser.execute(
        "WITH granted AS ("
        " SELECT c.oid::regclass::text AS what, c.relacl AS acl, c.relowner AS owner, c.relnamespace AS place"
        " FROM pg_class c"
        " UNION ALL SELECT a.attrelid::regclass || '.' || a.attname, a.attacl, c.relowner, c.relnamespace"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " UNION ALL SELECT p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner,"
        " p.pronamespace FROM pg_proc p"
        " UNION ALL SELECT n.nspname, n.nspacl, n.nspowner, n.oid FROM pg_namespace n)"
        " SELECT what, CASE grantee WHEN 0 THEN 'everybody' ELSE grantee::regrole::text END, privilege_type,"
        " is_grantable"
        " FROM granted, aclexplode(acl)"
        " WHERE place IN ('registry'::regnamespace, 'audit'::regnamespace) AND grantee <> owner"
    ).fetchall()
    assert {grantee for _, grantee, _, _ in rows} == set(GROUPS)
    assert not any(grantable for *_, grantable in rows)
    executable = {(who, what.partition("(")[0]) for what, who, privilege, _ in rows if privilege == "EXECUTE"}
    assert executable == {
        *(("registry_app", name) for name in FUNCTIONS),
        *((role, "audit.field") for role in GROUPS[1:]),
    }
    assert sorted((what, who, privilege) for what, who, privilege, _ in rows if what in {"registry", "audit"}) == [
        (schema, role, "USAGE") for schema in ("audit", "registry") for role in GROUPS
    ]


def test_functions_run_with_the_rights_of_their_caller_but_for_the_one_that_carries_contacts(
    superuser: Connection,
) -> None:
    """That one is the owner's, calls nothing that a caller could put in its way, and only the application calls it."""
    rows = superuser.execute(
        "SELECT p.oid::regprocedure::text, proconfig, pg_get_userbyid(proowner), lanname FROM pg_proc p"
        " JOIN pg_language l ON l.oid = prolang"
        " WHERE prosecdef AND pronamespace IN ('registry'::regnamespace, 'audit'::regnamespace)"
    ).fetchall()
    carrier = "registry.carry_contacts(bytea[],bytea[],smallint)"
    assert rows == [(carrier, ["search_path=pg_catalog, pg_temp"], "registry_owner", "sql")]
    callers = superuser.execute(
        "SELECT rolname FROM pg_roles WHERE has_function_privilege(oid, %s, 'EXECUTE') AND NOT rolsuper", (carrier,)
    ).fetchall()
    assert {name for (name,) in callers} == {"registry_owner", "registry_app", "registry_api"}


def test_contacts_move_forward_only_and_nothing_else_of_them_changes(
    application: Connection, superuser: Connection
) -> None:
    """To a newer generation, never back: with the function alone nobody could hide what was recorded."""
    rows = "SELECT tag, generation, to_jsonb(h) - 'tag' - 'generation' FROM registry.hits h"
    carry = "SELECT older FROM registry.carry_contacts(ARRAY[sha256(%s)], ARRAY[sha256(%s)], %s)"
    superuser.execute("INSERT INTO registry.generations (number, public_key) VALUES (2, sha256('2'))")
    before = superuser.execute(rows).fetchall()
    assert application.execute(carry, ("a", "b", 1)).fetchall() == []
    assert application.execute(carry, ("c", "b", 2)).fetchall() == []
    assert superuser.execute(rows).fetchall() == before
    (moved,) = application.execute(carry, ("a", "b", 2)).fetchall()
    assert application.execute(carry, ("b", "a", 1)).fetchall() == []
    assert superuser.execute(rows).fetchall() == [(sha256(b"b").digest(), 2, before[0][2])]
    assert (moved[0], before[0][0]) == (sha256(b"a").digest(),) * 2


def test_what_the_application_needs_works_as_its_login(application: Connection) -> None:
    """The other side of the table: without it, a database that refuses everything would pass."""
    application.execute("UPDATE registry.hits SET retracted_at = now(), retraction_reason = 'other'")
    application.execute("UPDATE registry.hits SET retracted_at = NULL, retraction_reason = NULL")
    body = EVENT.replace("0198c5a2", "0198c5a3").encode()
    application.execute("INSERT INTO audit.event (body) VALUES (%s)", (body,))
    application.execute("INSERT INTO audit.subject (tag, event) VALUES (sha256('t'), gen_random_uuid())")
    application.execute("INSERT INTO audit.private (event, nonce) VALUES (gen_random_uuid(), '')")
    application.execute("DELETE FROM registry.listings")
    assert application.execute("SELECT registry.spend_address('a', 10)").fetchone() == (0,)
    application.execute(
        "SELECT registry.charge_once('nobody', NULL, gen_random_uuid(), sha256('k'), sha256('r'), 1)"
    ).fetchall()
    application.execute(
        "INSERT INTO registry.private_sets VALUES (1, now(), 'x', 0, 0, 0, sha256('s'))"
        " ON CONFLICT (generation) DO UPDATE SET entries = 1"
    )
    application.execute("INSERT INTO registry.private_set_slots VALUES (1, 0, sha256('s'))")
    application.execute("DELETE FROM registry.private_set_slots")
    application.execute(
        "SELECT l.hash, t.hashes, c.note FROM audit.leaf l, audit.tile t, audit.checkpoint c"
    ).fetchall()
