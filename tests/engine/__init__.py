"""Tests of single parts against a real engine."""
