"""The observation ledger, what its doors check by, its books, receipts and quarantine, and the outbox."""

from alembic import op

from ioc_kit.sql.migrations import create_outbox, protect

revision = "0001"
down_revision = None
ROLE = "ioc_ingest"
WRITER = "ioc_ingest_writer"


def upgrade() -> None:
    _contracts()
    _ledger()
    _partitions()
    _books()
    create_outbox(op, ROLE)
    # The writer bypasses row-level security, because COPY is refused where it applies: so it may add, and see nothing.
    op.execute(f"GRANT INSERT ON observation, checkpoint, book, receipt, quarantine, outbox TO {WRITER}")


def _contracts() -> None:
    # Counts changes of contracts and devices, so that every replica sees what is new since it last looked.
    op.execute("CREATE SEQUENCE change")
    op.execute(f"GRANT USAGE ON SEQUENCE change TO {ROLE}")
    op.execute(
        """
        CREATE TABLE contract (
            tenant text NOT NULL,
            contract text NOT NULL,
            version integer NOT NULL,
            source text NOT NULL,
            cadence interval NOT NULL,
            document jsonb NOT NULL,
            parts integer NOT NULL,
            -- The numbers of the parts that have come: in force once all have.
            parts_seen integer[] NOT NULL,
            change bigint NOT NULL,
            PRIMARY KEY (tenant, contract, version)
        )
        """
    )
    op.execute("CREATE INDEX contract_by_change ON contract (change)")
    protect(op, "contract", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE series (
            series_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant text NOT NULL,
            key text NOT NULL,
            source text NOT NULL,
            measure text NOT NULL,
            unit text NOT NULL,
            area text NOT NULL,
            thing text NOT NULL,
            dimensions jsonb NOT NULL,
            period_kind text NOT NULL,
            contract text NOT NULL,
            contract_version integer NOT NULL,
            UNIQUE (tenant, key)
        )
        """
    )
    op.execute("CREATE INDEX series_by_contract ON series (tenant, contract)")
    protect(op, "series", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE device (
            device_id text PRIMARY KEY,
            tenant text NOT NULL,
            contract text NOT NULL,
            source text NOT NULL,
            thing text NOT NULL,
            is_active boolean NOT NULL,
            secret_sha256 text NOT NULL,
            change bigint NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX device_by_change ON device (change)")
    protect(op, "device", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE device_status (
            device_id text PRIMARY KEY,
            tenant text NOT NULL,
            last_seen_at timestamptz,
            messages bigint NOT NULL,
            refused bigint NOT NULL,
            last_refusal_vi text NOT NULL,
            last_refusal_en text NOT NULL
        )
        """
    )
    protect(op, "device_status", ROLE, rights="SELECT, INSERT, UPDATE")


def _ledger() -> None:
    op.execute(
        """
        CREATE TABLE observation (
            series_id integer NOT NULL,
            tenant text NOT NULL,
            at timestamptz NOT NULL,
            revision integer NOT NULL,
            value double precision NOT NULL,
            quality smallint NOT NULL,
            received_at timestamptz NOT NULL,
            position bigint NOT NULL,
            PRIMARY KEY (series_id, at, revision)
        ) PARTITION BY RANGE (at)
        """
    )
    op.execute("CREATE TABLE observation_default PARTITION OF observation DEFAULT")
    protect(op, "observation", ROLE, rights="SELECT")
    # How far the writer has come in the log: one row for each transaction, so that it is never updated.
    op.execute(
        """
        CREATE TABLE checkpoint (
            position bigint PRIMARY KEY,
            written_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(f"GRANT SELECT, DELETE ON checkpoint TO {ROLE}")


def _partitions() -> None:
    # The only way to a new partition: runtime roles own nothing. Rows that fell into the default partition before
    # their month existed are moved, so that it can be made at any time.
    op.execute(
        """
        CREATE FUNCTION ensure_month(month date) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = ingest, pg_temp SET lock_timeout = '2s' AS $$
        DECLARE
            first date := date_trunc('month', month)::date;
            begins timestamptz := first::timestamp AT TIME ZONE 'UTC';
            ends timestamptz := (first + interval '1 month')::timestamp AT TIME ZONE 'UTC';
            name text := format('observation_%s', to_char(first, 'YYYY_MM'));
        BEGIN
            IF to_regclass(name) IS NOT NULL THEN
                RETURN false;
            END IF;
            PERFORM pg_advisory_xact_lock(hashtextextended('ingest:' || name, 0));
            IF to_regclass(name) IS NOT NULL THEN
                RETURN false;
            END IF;
            EXECUTE format('CREATE TABLE %I (LIKE observation INCLUDING ALL)', name);
            EXECUTE format(
                'WITH moved AS (DELETE FROM observation_default WHERE at >= %L AND at < %L RETURNING *)'
                ' INSERT INTO %I SELECT * FROM moved', begins, ends, name);
            EXECUTE format(
                'ALTER TABLE observation ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, begins, ends);
            RETURN true;
        END
        $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION ensure_month(date) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION ensure_month(date) TO {ROLE}")
    op.execute("SELECT ensure_month((now() + n * interval '1 month')::date) FROM generate_series(-1, 1) AS n")


def _books() -> None:
    # What messages of the log said they hold (the door's columns), and what became of it (the writer's).
    op.execute(
        """
        CREATE TABLE book (
            position bigint NOT NULL,
            tenant text NOT NULL,
            source text NOT NULL,
            door text NOT NULL,
            hour timestamptz NOT NULL,
            received bigint NOT NULL,
            accepted bigint NOT NULL,
            quarantined bigint NOT NULL,
            stored bigint NOT NULL,
            duplicate bigint NOT NULL,
            quarantined_late bigint NOT NULL,
            newest_at timestamptz,
            received_at timestamptz NOT NULL,
            PRIMARY KEY (tenant, source, door, hour, position)
        )
        """
    )
    # Rows of past hours are rolled up into one, which is all that is ever deleted of them.
    protect(op, "book", ROLE, rights="SELECT, INSERT, DELETE")
    op.execute(
        """
        CREATE TABLE receipt (
            position bigint PRIMARY KEY,
            tenant text NOT NULL,
            source text NOT NULL,
            door text NOT NULL,
            batch_id text NOT NULL,
            part integer NOT NULL,
            parts integer NOT NULL,
            content_sha256 bytea NOT NULL,
            received bigint NOT NULL,
            accepted bigint NOT NULL,
            quarantined bigint NOT NULL,
            received_at timestamptz NOT NULL,
            stamp_sequence bigint NOT NULL,
            reason text NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX receipt_by_batch ON receipt (tenant, source, batch_id)")
    op.execute("CREATE INDEX receipt_by_door ON receipt (tenant, source, door, position)")
    op.execute("CREATE INDEX receipt_by_stamp ON receipt (tenant, source, stamp_sequence) WHERE stamp_sequence > 0")
    protect(op, "receipt", ROLE, rights="SELECT, DELETE")
    op.execute(
        """
        CREATE TABLE quarantine (
            position bigint NOT NULL,
            ordinal integer NOT NULL,
            tenant text NOT NULL,
            source text NOT NULL,
            door text NOT NULL,
            origin text NOT NULL,
            received_at timestamptz NOT NULL,
            row_number bigint NOT NULL,
            field text NOT NULL,
            rule text NOT NULL,
            reason_vi text NOT NULL,
            reason_en text NOT NULL,
            remedy_vi text NOT NULL,
            remedy_en text NOT NULL,
            original bytea NOT NULL,
            original_bytes bigint NOT NULL,
            trace_id text NOT NULL,
            PRIMARY KEY (position, ordinal)
        )
        """
    )
    op.execute("CREATE INDEX quarantine_by_tenant ON quarantine (tenant, position, ordinal)")
    protect(op, "quarantine", ROLE, rights="SELECT, DELETE")
