"""Schedules of what is done to a bed and by whom: as data, drawn by chance, changed, reduced. Pure."""
