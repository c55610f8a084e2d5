"""The ioc command: up, reset, status, token, simulate, verify; the embedded issuer."""
