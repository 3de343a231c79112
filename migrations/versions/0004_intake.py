"""Intake from providers: what a caller ID is worth, decoys in quarantine, credentials, withheld callers, exclusions by
investigators.
"""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")
_PARTS = ("lifecycle", "contacts", "providers", "exclusions", "grants")
"""What reads a whole table without keeping anybody from it comes before what does."""


def upgrade() -> None:
    for part in _PARTS:
        op.execute((_SQL / f"{part}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "downgrade.sql").read_text(encoding="utf-8"))
