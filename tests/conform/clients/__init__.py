"""Programs that know nothing of the testbed but what they are given: each a client of a conduct of its own."""
