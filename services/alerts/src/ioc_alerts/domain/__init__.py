"""What alerts knows of rules, measurements and alerts: data and pure functions."""
