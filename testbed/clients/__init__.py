"""Clients of a portal: pure policies over one transport, each with a trust store of its own."""
