"""Scenarios on containers, with real TLS. Each names the rules that it shows."""
