"""Tests of what runs in the containers, without containers."""
