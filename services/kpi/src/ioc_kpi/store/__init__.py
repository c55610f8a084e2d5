"""PostgreSQL behind the service's ports."""
