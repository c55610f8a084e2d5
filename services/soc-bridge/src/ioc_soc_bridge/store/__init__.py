"""The schema `soc` of PostgreSQL."""
