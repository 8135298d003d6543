"""A pair of servers in virtual time: the stubs' own decisions and data, made-up links, and no clock, thread or socket.

`parts` is what it consists of, `items` what happens, `lines` and `data` how words and changes travel, `disk` what is on
disks, `processes` who works, `acts` what is done to them, `pair` how time passes; `watch` is what must hold then,
`ledger` what users were told, `key` when two moments are the same; `walk` is every schedule, `drawing` some by chance,
`schedule` how one is run again.
"""
