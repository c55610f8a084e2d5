"""A table with a tenant, to try the kit on."""

from alembic import op

from ioc_kit.sql.migrations import create_outbox, protect

revision = "0001"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE note (tenant text NOT NULL, id int PRIMARY KEY, body text NOT NULL)")
    protect(op, "note", "ioc_kit")
    create_outbox(op, "ioc_kit")
