"""Tests of the checkers: each with a history that passes, one that fails, and one that nobody can judge."""
