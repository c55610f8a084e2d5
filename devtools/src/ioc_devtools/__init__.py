"""The `ioc` command: starts, stops, looks at, feeds and verifies a whole platform on one machine."""
