-- The database's roles and schemas, as a superuser, once; harmless when repeated:
--   createdb ioc && psql -d ioc -v ON_ERROR_STOP=1 -f postgres.sql
-- Roles come without a password and cannot log in until they get one: ALTER ROLE ... PASSWORD '...' (or your operator's
-- way), the same as in the URLs of the charts' secrets. Tables come from each service's migration.

-- For each service: the owner of its schema, for migrations only; the runtime role, held by row-level security.
DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['registry', 'ingest', 'kpi', 'alerts', 'soc'] LOOP
        IF to_regrole(format('ioc_%s_owner', service)) IS NULL THEN
            EXECUTE format('CREATE ROLE ioc_%s_owner LOGIN', service);
        END IF;
        IF to_regrole(format('ioc_%s', service)) IS NULL THEN
            EXECUTE format('CREATE ROLE ioc_%s LOGIN', service);
        END IF;
        EXECUTE format('ALTER ROLE ioc_%s_owner SET search_path = %I', service, service);
        EXECUTE format('ALTER ROLE ioc_%s SET search_path = %I', service, service);
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO ioc_%s_owner, ioc_%s',
                       current_database(), service, service);
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION ioc_%s_owner', service, service);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO ioc_%s', service, service);
    END LOOP;
END
$$;

-- The writer of the ledger passes row-level security, because COPY is refused where it applies. Migrations grant it
-- INSERT on a few tables and SELECT on none.
DO $$
BEGIN
    IF to_regrole('ioc_ingest_writer') IS NULL THEN
        CREATE ROLE ioc_ingest_writer LOGIN BYPASSRLS;
    END IF;
    ALTER ROLE ioc_ingest_writer SET search_path = ingest;
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO ioc_ingest_writer', current_database());
END
$$;
GRANT USAGE ON SCHEMA ingest TO ioc_ingest_writer;

-- Nobody else.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
