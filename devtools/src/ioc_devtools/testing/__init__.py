"""Clients of the public doors for end-to-end tests: people, stations, event streams, and a receiver of spans."""
