"""Judges somebody else's client from the servers' side: scenarios as data, a small driver, a pure judgement (CLIENT-4).

`scenarios` and `plan` say what is done to whom and what is judged; `acts` is what the servers then saw, as values;
`judgement` makes verdicts of it; `results`, `told` and `page` put them together and print them. All of these are pure.
The shell around them: `command` runs the client by way of `keeper`, a process of its own that gives it `names` and
keeps what it has `printed`; `attempts` counts connections that nobody answered, `driver` lets a scenario happen, `run`
is all of it.
"""
