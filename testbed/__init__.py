"""The orchestrator: beds of containers, faults, clients, verdicts.

Pure modules (topology, faults, oracle, rules …) hold values and functions; the shell (engine, network, clients,
bed, nemesis, cli, pytest_plugin) acts. Which module may touch the outside is listed in pyproject.toml (TID251).
"""
