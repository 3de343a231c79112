"""What happened before an exclusion ended does not count, unless it was a mistake. What runs on 0005 runs on this
unchanged.
"""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    op.execute((_SQL / "upgrade.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "downgrade.sql").read_text(encoding="utf-8"))
