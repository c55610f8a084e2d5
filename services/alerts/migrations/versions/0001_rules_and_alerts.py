"""Rules, what is known of keys and series, alerts with their transitions, commands done, and the outbox."""

from alembic import op

from ioc_kit.sql.migrations import create_outbox, protect

revision = "0001"
down_revision = None
ROLE = "ioc_alerts"


def upgrade() -> None:
    # Rules are the province's and hold for every tenant: no tenant, no row-level security.
    op.execute(
        """
        CREATE TABLE rule (
            code text PRIMARY KEY,
            kind text NOT NULL,
            watches text NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            document jsonb NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX rule_by_watched ON rule (watches, kind)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON rule TO {ROLE}")
    op.execute(
        """
        CREATE TABLE standing (
            tenant text NOT NULL,
            rule text NOT NULL,
            subject text NOT NULL,
            -- NULL only inside the transaction that meets the key for the first time: the row is there to be locked.
            last_period timestamptz,
            last_version bigint,
            is_settled boolean NOT NULL DEFAULT false,
            PRIMARY KEY (tenant, rule, subject)
        )
        """
    )
    protect(op, "standing", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE alert (
            tenant text NOT NULL,
            alert_id text PRIMARY KEY,
            rule text NOT NULL,
            subject text NOT NULL,
            area text NOT NULL,
            state text NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved', 'retracted')),
            severity_rank smallint NOT NULL,
            raised_at timestamptz NOT NULL,
            revision integer NOT NULL CHECK (revision > 0),
            document jsonb NOT NULL
        )
        """
    )
    # The guarantee that everything else leans on: never two open alerts of one key, whoever writes and however many.
    op.execute(
        """
        CREATE UNIQUE INDEX alert_open_once ON alert (tenant, rule, subject)
        WHERE state IN ('open', 'acknowledged')
        """
    )
    op.execute("CREATE INDEX alert_newest_of_tenant ON alert (tenant, raised_at DESC, alert_id DESC)")
    op.execute("CREATE INDEX alert_newest ON alert (raised_at DESC, alert_id DESC)")
    protect(op, "alert", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE transition (
            tenant text NOT NULL,
            alert_id text NOT NULL REFERENCES alert,
            number integer NOT NULL CHECK (number > 0),
            document jsonb NOT NULL,
            PRIMARY KEY (alert_id, number)
        )
        """
    )
    # Append-only: the service may neither change nor delete what it has written.
    protect(op, "transition", ROLE, rights="SELECT, INSERT")
    op.execute(
        """
        CREATE TABLE command (
            tenant text NOT NULL,
            caller text NOT NULL,
            request_id text NOT NULL,
            fingerprint text NOT NULL,
            done_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, caller, request_id)
        )
        """
    )
    protect(op, "command", ROLE, rights="SELECT, INSERT")
    op.execute(
        """
        CREATE TABLE series_fact (
            tenant text NOT NULL,
            series text NOT NULL,
            document jsonb NOT NULL,
            PRIMARY KEY (tenant, series)
        )
        """
    )
    protect(op, "series_fact", ROLE, rights="SELECT, INSERT, UPDATE")
    create_outbox(op, ROLE)
