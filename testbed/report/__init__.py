"""From test outcomes to a verdict per rule: pure judgement, then text, page and files."""
