"""Private checks: the sets of listed numbers, charges that a repeated question does not pay twice, contacts that follow
their number into a newer generation, and the work of a chained generation.
"""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    for part in ("sets", "charges", "generations", "grants"):
        op.execute((_SQL / f"{part}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "COMMENT ON TABLE registry.hits IS 'Contacts: the truth that listings are computed from."
        " Only the retraction columns ever change.'"
    )
    op.execute("ALTER TABLE audit.subject DROP COLUMN generation")
    op.execute("DROP FUNCTION registry.carry_contacts, registry.charge_once")
    op.execute(
        "DROP TABLE registry.rekeyed_tags, registry.rekeyings, registry.charges, registry.private_set_slots,"
        " registry.private_sets"
    )
