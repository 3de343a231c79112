"""A flood's hold notes when its flood began, and what flooded does not count once it has ended by itself. What runs on
0007 runs on this unchanged.
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    op.execute((_SQL / "upgrade.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "downgrade.sql").read_text(encoding="utf-8"))
