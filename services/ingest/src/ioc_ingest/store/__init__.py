"""PostgreSQL behind the ports of ingest."""
