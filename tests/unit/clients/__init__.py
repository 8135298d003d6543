"""Clients against small fakes on loopback: real sockets, real TLS, no containers."""
