"""The core registry: organisations, keys, limits, decoys, hits, listings, exclusions, disputes, and the audit events.

Roles are of the whole cluster, so `registry_app` is made only where it does not exist yet. Every grant of the
application is in this file: what is not granted here it cannot do.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    for part in ("roles", "registry", "limits", "audit", "grants"):
        op.execute((_SQL / f"{part}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP SCHEMA audit CASCADE")
    op.execute("DROP FUNCTION registry.admit, registry.spend_address")
    op.execute(
        "DROP TABLE registry.idempotency_keys, registry.disputes, registry.exclusions, registry.listings,"
        " registry.submissions, registry.hits, registry.decoys, registry.generations, registry.organisation_days,"
        " registry.address_rates, registry.key_rates, registry.api_keys, registry.organisations"
    )
