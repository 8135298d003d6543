"""Tests that need neither engine nor network."""
