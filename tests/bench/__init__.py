"""Measures what the testbed costs, beside what it cannot be faster than. Not part of the tests."""
