"""What ingest knows: columns of readings, contracts as a door needs them, refusals, revisions, books. Pure numpy."""
