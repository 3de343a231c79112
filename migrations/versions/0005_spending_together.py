"""Several requests of providers are spent in one statement. What runs on 0004 runs on this unchanged."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    op.execute((_SQL / "limits.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP FUNCTION registry.spend_addresses")
    op.execute("COMMENT ON TABLE registry.address_rates IS 'Failed authentications per client address.'")
