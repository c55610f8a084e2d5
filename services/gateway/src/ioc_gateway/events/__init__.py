"""Live events: one reader per stream of the log, a hub that hands them to listeners, resumption by position."""
