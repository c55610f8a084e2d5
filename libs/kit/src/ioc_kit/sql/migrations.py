"""What every service's migrations share: running them, the outbox and inbox tables, row-level security.

A service's `migrations/env.py` is one line that calls `run`; its revisions use `create_outbox` and `protect`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.operations import Operations
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from ioc_kit.sql.database import async_url


def upgrade(migrations: Path, url: str, schema: str) -> None:
    """Brings `schema` to the newest revision; safe to run from several replicas at once (an advisory lock)."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["url"] = url
    config.attributes["schema"] = schema
    command.upgrade(config, "head")


def run() -> None:
    """The body of `env.py`: connects as the schema's owner and runs the revisions in one transaction."""
    url, schema = context.config.attributes["url"], context.config.attributes["schema"]

    def migrate(connection: Connection) -> None:
        context.configure(connection=connection, version_table_schema=schema, transaction_per_migration=False)
        with context.begin_transaction():
            context.run_migrations()

    async def main() -> None:
        engine = create_async_engine(
            async_url(url), poolclass=pool.NullPool, connect_args={"server_settings": {"search_path": schema}}
        )
        async with engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"migrate:{schema}"}
            )
            await connection.run_sync(migrate)
        await engine.dispose()

    asyncio.run(main())


def create_outbox(op: Operations, runtime_role: str) -> None:
    """The outbox and inbox tables that `Transaction` and `OutboxRelay` use."""
    op.execute(
        """
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_id text NOT NULL UNIQUE,
            subject text NOT NULL,
            headers jsonb NOT NULL,
            data bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE inbox (
            consumer text NOT NULL,
            event_id text NOT NULL,
            processed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (consumer, event_id)
        )
        """
    )
    op.execute(f"GRANT SELECT, INSERT, DELETE ON outbox, inbox TO {runtime_role}")


def protect(op: Operations, table: str, runtime_role: str, *, rights: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Row-level security on a table with a `tenant` column, forced on its owner too, and the runtime role's rights.

    Unset and empty settings both mean no rows: a forgotten `set_config` shows nothing instead of everything.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"""
        CREATE POLICY tenant_wall ON {table}
        USING (tenant = current_setting('ioc.tenant', true)
               OR current_setting('ioc.scope', true) IN ('province', 'system'))
        WITH CHECK (current_setting('ioc.scope', true) = 'system'
                    OR (tenant = current_setting('ioc.tenant', true)
                        AND current_setting('ioc.scope', true) IN ('own', 'province')))
        """
    )
    op.execute(f"GRANT {rights} ON {table} TO {runtime_role}")
