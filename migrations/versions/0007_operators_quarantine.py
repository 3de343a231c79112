"""The operator's own quarantine of a decoy is told apart from its owner's. The version before runs on it unchanged."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _reasons("manual", "flood", "operator")


def downgrade() -> None:
    """The version before knows no quarantine of the operator's; the line stays in it, and its owner may release it."""
    op.execute("UPDATE registry.decoys SET quarantine_reason = 'manual' WHERE quarantine_reason = 'operator'")
    _reasons("manual", "flood")


def _reasons(*reasons: str) -> None:
    quoted = ", ".join(f"'{reason}'" for reason in reasons)
    op.execute(
        "ALTER TABLE registry.decoys DROP CONSTRAINT decoys_quarantine_reason,"
        f" ADD CONSTRAINT decoys_quarantine_reason CHECK (quarantine_reason IN ({quoted}))"
    )
