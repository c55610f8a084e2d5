"""A file per door: what arrives becomes columns and refusals. Pure: no NATS, no SQL, no clock."""
