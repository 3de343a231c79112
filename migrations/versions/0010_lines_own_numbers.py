"""A line's own number is never listed: its tag is looked for with every contact. What runs on 0009 runs on this
unchanged.
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    op.execute((_SQL / "upgrade.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "downgrade.sql").read_text(encoding="utf-8"))
