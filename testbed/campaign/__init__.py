"""Random runs on containers: a schedule is acted out, clients work meanwhile, all is healed, and the history is judged.

`acting` does the steps, `crowd` the work, `recovery` is the liveness phase, `run` puts them together, `results` is what
came of it.
"""
