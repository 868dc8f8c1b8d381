"""The demo: everything on one machine, without a key and without a network."""
