"""Judges somebody else's client from the servers' side: scenarios as data, a small driver, a pure judgement (CLIENT-4).

`scenarios` says what is done and what is judged; `acts` is what the servers then saw, as values; `judgement` makes
verdicts of it; `results` and `told` put them together and print them. All of these are pure. The shell around them:
`command` runs the client, `attempts` counts connections that nobody answered, `driver` lets a scenario happen.
"""
