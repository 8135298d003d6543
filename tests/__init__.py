"""Tests of the testbed itself, and scenarios run with it."""
