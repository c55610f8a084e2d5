"""The catalogue, series, devices, and the outbox."""

from alembic import op

from ioc_kit.sql.migrations import create_outbox, protect

revision = "0001"
down_revision = None
ROLE = "ioc_registry"


def upgrade() -> None:
    # Facts about the province that everyone signed in may read: no tenant, no row-level security.
    for table in ("tenant", "area", "agency", "source"):
        op.execute(
            f"""
            CREATE TABLE {table} (
                code text PRIMARY KEY,
                search_key text NOT NULL,
                document jsonb NOT NULL,
                changed_at timestamptz NOT NULL DEFAULT now()
            )
            """
        )
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {ROLE}")
    op.execute(
        """
        CREATE TABLE contract (
            tenant text NOT NULL,
            contract text NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            source text NOT NULL,
            document jsonb NOT NULL,
            published_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, contract, version)
        )
        """
    )
    protect(op, "contract", ROLE, rights="SELECT, INSERT")
    op.execute(
        """
        CREATE TABLE series (
            tenant text NOT NULL,
            key text NOT NULL,
            source text NOT NULL,
            measure text NOT NULL,
            area text NOT NULL,
            thing text NOT NULL,
            contract text NOT NULL,
            document jsonb NOT NULL,
            PRIMARY KEY (tenant, key)
        )
        """
    )
    op.execute("CREATE INDEX series_by_source ON series (tenant, source, measure)")
    protect(op, "series", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE device (
            tenant text NOT NULL,
            -- Device ids are MQTT client ids and so unique in the whole province, not only within a tenant.
            device_id text PRIMARY KEY,
            document jsonb NOT NULL
        )
        """
    )
    protect(op, "device", ROLE, rights="SELECT, INSERT, UPDATE")
    create_outbox(op, ROLE)
