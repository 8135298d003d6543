"""A pair of servers in virtual time: the stubs' own decisions, made-up links, and no clock, thread or socket.

`acts` is what can be done to a pair, `parts` what it consists of, `lines` and `pair` how words travel and time passes,
`watch` what must hold at each moment, `key` when two moments are the same, `walk` every schedule, `schedule` one
schedule as data, to be replayed.
"""
