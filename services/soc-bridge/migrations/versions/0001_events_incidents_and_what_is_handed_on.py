"""Events, incidents, quarantine, the objects handed on, and the outbox."""

from alembic import op

from ioc_kit.sql.migrations import create_outbox, protect

revision = "0001"
down_revision = None
ROLE = "ioc_soc"


def upgrade() -> None:
    op.execute(
        """
        -- One row a tenant: whoever writes holds it, and it remembers the last place in the collection.
        CREATE TABLE turn (
            tenant text PRIMARY KEY,
            last_added_at timestamptz NOT NULL
        )
        """
    )
    protect(op, "turn", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE centre (
            tenant text PRIMARY KEY,
            name_vi text NOT NULL,
            name_en text NOT NULL,
            named_at timestamptz NOT NULL
        )
        """
    )
    protect(op, "centre", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE incident (
            tenant text NOT NULL,
            incident_id uuid PRIMARY KEY,
            key_digest text NOT NULL,
            state text NOT NULL CHECK (state IN ('open', 'closed')),
            severity smallint NOT NULL,
            first_seen_at timestamptz NOT NULL,
            last_seen_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            document jsonb NOT NULL,
            CHECK (first_seen_at <= last_seen_at)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX one_open_incident_per_key ON incident (tenant, key_digest) WHERE state = 'open'")
    op.execute("CREATE INDEX incident_by_key ON incident (tenant, key_digest, last_seen_at)")
    op.execute("CREATE INDEX incident_by_time ON incident (tenant, last_seen_at DESC, incident_id DESC)")
    protect(op, "incident", ROLE, rights="SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE security_event (
            tenant text NOT NULL,
            fingerprint text NOT NULL,
            event_id uuid NOT NULL,
            at timestamptz NOT NULL,
            received_at timestamptz NOT NULL,
            severity smallint NOT NULL,
            incident_id uuid REFERENCES incident (incident_id),
            document jsonb NOT NULL,
            PRIMARY KEY (tenant, fingerprint)
        )
        """
    )
    op.execute("CREATE INDEX security_event_by_incident ON security_event (incident_id, at DESC)")
    op.execute("CREATE INDEX security_event_by_receipt ON security_event (received_at)")
    protect(op, "security_event", ROLE, rights="SELECT, INSERT, DELETE")
    op.execute(
        """
        CREATE TABLE quarantine (
            tenant text NOT NULL,
            line_id uuid PRIMARY KEY,
            door text NOT NULL,
            sensor text NOT NULL,
            digest text NOT NULL,
            reason text NOT NULL,
            detail text NOT NULL,
            original bytea NOT NULL CHECK (octet_length(original) <= 8192),
            size_bytes bigint NOT NULL,
            times bigint NOT NULL DEFAULT 1,
            first_at timestamptz NOT NULL,
            last_at timestamptz NOT NULL,
            UNIQUE (tenant, door, sensor, digest)
        )
        """
    )
    op.execute("CREATE INDEX quarantine_by_time ON quarantine (tenant, last_at DESC, line_id DESC)")
    protect(op, "quarantine", ROLE)
    op.execute(
        """
        CREATE TABLE stix_object (
            tenant text NOT NULL,
            added_at timestamptz NOT NULL,
            object_id text NOT NULL,
            type text NOT NULL,
            version timestamptz NOT NULL,
            tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
            is_first boolean NOT NULL,
            is_last boolean NOT NULL,
            document jsonb NOT NULL,
            PRIMARY KEY (tenant, added_at),
            UNIQUE (tenant, object_id, version)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX one_last_version ON stix_object (tenant, object_id) WHERE is_last")
    op.execute("CREATE INDEX last_versions_in_order ON stix_object (tenant, added_at) WHERE is_last")
    protect(op, "stix_object", ROLE, rights="SELECT, INSERT, UPDATE")
    create_outbox(op, ROLE)
