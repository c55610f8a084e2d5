"""Alerts: one open alert per key, its life cycle."""
