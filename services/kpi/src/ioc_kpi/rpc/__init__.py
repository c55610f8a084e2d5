"""Protos at the service's edge: its own calls, its events, and the peer that it asks."""
