"""PostgreSQL behind the registry's ports."""
