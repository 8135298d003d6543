"""A crowd of web clients in one process: all of them through a failover and a failback, counted and timed.

Each member follows the web client's policy (`testbed.clients.policy`); only when it moves is the crowd's own (`pace`).
"""
