"""Tests without an engine: values in, values out."""
