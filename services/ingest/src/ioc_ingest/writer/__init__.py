"""From the log into the ledger: one active writer, whose checkpoint commits with what it stored."""
