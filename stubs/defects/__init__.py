"""Planted defects: named ways in which a stub is wrong, so that it can be shown that each would be found.

A service has one only if it was started by `python3 -m stubs.defects`, which the testbed does for a container that is
to be wrong. Nothing of the stubs imports this package: what runs otherwise knows of no defect.

    planting.py     what a defect is, and how it takes the place of a piece of the stubs
    catalogue.py    all of them
    __main__.py     the other way to start a service
    every other     the defects of one area, each a function that does wrongly what the stub does rightly
"""
