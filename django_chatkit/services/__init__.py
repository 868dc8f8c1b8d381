"""The rules: what is done to upstream, the ledger and the mirror together. Keyword-only functions, a module a noun."""
