"""Stub IP Office cores, portals and platform views: everything that runs inside the containers.

Nothing here imports `testbed`: the stubs know no tests, no engine and no orchestrator.
"""
