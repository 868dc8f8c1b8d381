"""The REST surface: the mirror and the ledger in upstream's own wire format."""
