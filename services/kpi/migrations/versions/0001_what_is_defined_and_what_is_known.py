"""Definitions by version, what is known of series, pending work, and values that are never rewritten."""

from alembic import op

from ioc_kit.sql.migrations import create_outbox, protect

revision = "0001"
down_revision = None
ROLE = "ioc_kpi"


def upgrade() -> None:
    _definitions()
    _inputs()
    _work()
    _values()
    create_outbox(op, ROLE)


def _definitions() -> None:
    # Definitions hold for every tenant, and everyone signed in may read them: no tenant, no row-level security.
    op.execute("CREATE TABLE indicator_set (code text PRIMARY KEY, document jsonb NOT NULL)")
    op.execute(
        """
        CREATE TABLE indicator (
            id text NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            document jsonb NOT NULL,
            defined_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (id, version)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE target (
            code text NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            indicator text NOT NULL,
            document jsonb NOT NULL,
            defined_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (code, version)
        )
        """
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON indicator_set TO {ROLE}")
    # A version that values refer to never changes.
    op.execute(f"GRANT SELECT, INSERT ON indicator, target TO {ROLE}")


def _inputs() -> None:
    op.execute(
        """
        CREATE TABLE series (
            tenant text NOT NULL,
            key text NOT NULL,
            source text NOT NULL,
            measure text NOT NULL,
            first_at timestamptz,
            newest_at timestamptz,
            document jsonb NOT NULL,
            PRIMARY KEY (tenant, key)
        )
        """
    )
    op.execute("CREATE INDEX series_by_measure ON series (source, measure, tenant)")
    protect(op, "series", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE intake (
            tenant text NOT NULL,
            source text NOT NULL,
            hour timestamptz NOT NULL,
            stored bigint NOT NULL,
            refused bigint NOT NULL,
            PRIMARY KEY (tenant, source, hour)
        )
        """
    )
    protect(op, "intake", ROLE, rights="SELECT, INSERT, UPDATE")


def _work() -> None:
    op.execute(
        """
        CREATE TABLE pending_work (
            tenant text NOT NULL,
            indicator text NOT NULL,
            subject_key text NOT NULL,
            period_start timestamptz NOT NULL,
            period_kind text NOT NULL,
            area text NOT NULL,
            thing text NOT NULL,
            dimension_code text NOT NULL,
            due_at timestamptz NOT NULL,
            traceparent text NOT NULL,
            -- Raised whenever the work is touched: work that changed under a lease is done again.
            generation bigint NOT NULL DEFAULT 1,
            attempts integer NOT NULL DEFAULT 0,
            lease text,
            leased_until timestamptz,
            PRIMARY KEY (tenant, indicator, subject_key, period_start)
        )
        """
    )
    op.execute("CREATE INDEX pending_work_by_due ON pending_work (due_at)")
    protect(op, "pending_work", ROLE)


def _values() -> None:
    op.execute(
        """
        CREATE TABLE indicator_value (
            id text PRIMARY KEY,
            tenant text NOT NULL,
            indicator text NOT NULL,
            set_code text NOT NULL,
            subject_key text NOT NULL,
            area text NOT NULL,
            thing text NOT NULL,
            dimension_code text NOT NULL,
            period_start timestamptz NOT NULL,
            revision integer NOT NULL CHECK (revision > 0),
            value double precision CHECK (value NOT IN ('NaN', 'Infinity', '-Infinity')),
            known_from timestamptz NOT NULL,
            known_to timestamptz CHECK (known_to > known_from),
            document jsonb NOT NULL,
            UNIQUE (tenant, indicator, subject_key, period_start, revision)
        )
        """
    )
    op.execute(
        """
        CREATE UNIQUE INDEX one_open_version ON indicator_value (tenant, indicator, subject_key, period_start)
        WHERE known_to IS NULL
        """
    )
    op.execute("CREATE INDEX value_by_period ON indicator_value (indicator, period_start, subject_key, tenant)")
    protect(op, "indicator_value", ROLE, rights="SELECT, INSERT")
    op.execute(f"GRANT UPDATE (known_to) ON indicator_value TO {ROLE}")
    # The one change that a version ever sees is that it ends: once, and to no other value.
    op.execute(
        """
        CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.known_to IS NOT NULL OR NEW.known_to IS NULL THEN
                RAISE EXCEPTION 'version % of a value has ended and stays as it is', OLD.id;
            END IF;
            RETURN NEW;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER versions_end_once BEFORE UPDATE ON indicator_value
        FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()
        """
    )
    op.execute(
        """
        CREATE TABLE freshness (
            tenant text NOT NULL,
            indicator text NOT NULL,
            subject_key text NOT NULL,
            newest_at timestamptz NOT NULL,
            stale_after interval NOT NULL,
            newest_period timestamptz,
            PRIMARY KEY (tenant, indicator, subject_key)
        )
        """
    )
    protect(op, "freshness", ROLE, rights="SELECT, INSERT, UPDATE")
