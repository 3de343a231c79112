"""A provider credential has a label, so that its organisation can tell several apart. What runs on 0008 runs on this
unchanged.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE registry.provider_credentials ADD COLUMN label text,"
        " ADD CONSTRAINT provider_credentials_label CHECK (char_length(label) BETWEEN 1 AND 200)"
    )
    op.execute(
        "COMMENT ON COLUMN registry.provider_credentials.label IS"
        " 'Its organisation''s own, to tell several apart; never what it signs with.'"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE registry.provider_credentials DROP COLUMN label")
