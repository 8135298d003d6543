"""Tests by what they need: nothing, an engine, a bed."""
