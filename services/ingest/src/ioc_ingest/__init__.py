"""Ingest: doors under contract, durable receipts, the append-only observation ledger."""
