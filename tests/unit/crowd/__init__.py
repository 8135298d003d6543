"""Tests of the crowd that need no engine."""
