"""Runs migrations on the connection that `registry.db.migrate` hands over: under its advisory lock and timeouts."""

from alembic import context
from sqlalchemy import Connection

from registry.db.schema import metadata

connection: Connection = context.config.attributes["connection"]


def _ours(_object: object, name: str | None, kind: str, reflected: object, _compared: object) -> bool:
    """Tables and columns; keys and indexes are said once, in the migrations, and the schema dump holds them.

    The limiter's tables and the version table are touched by SQL functions and alembic alone.
    """
    del reflected
    if kind == "table":
        return name not in {"key_rates", "address_rates", "organisation_days", "charges", "alembic_version"}
    return kind == "column"


context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema="registry",
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == "registry",
    include_object=_ours,
    compare_type=True,
    autogenerate_plugins=["alembic.autogenerate.*", "~alembic.autogenerate.comments"],  # the dump holds these, too
)
with context.begin_transaction():
    context.run_migrations()
