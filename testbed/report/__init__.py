"""From test outcomes to verdicts, and how people and programs get to read them."""
