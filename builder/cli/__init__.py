"""The command line: one file for each command; `wiring` alone constructs adapters."""
