"""The sealed log: leaves, tiles and signed checkpoints over the audit events, and the role that seals."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    for part in ("role", "tables", "grants"):
        op.execute((_SQL / f"{part}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP TABLE audit.checkpoint, audit.tile, audit.leaf")
    op.execute("CREATE INDEX event_by_organisation ON audit.event (organisation, id)")
    op.execute("DROP INDEX audit.event_by_receipt")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA audit, registry FROM registry_log_reader, registry_sealer")
    op.execute("REVOKE ALL ON SCHEMA audit, registry FROM registry_log_reader, registry_sealer")
    op.execute("REVOKE ALL ON FUNCTION audit.field FROM registry_log_reader, registry_sealer")
