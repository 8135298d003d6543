"""Network faults inside the servers' namespaces: nft text (pure), the channel, links, and their proof."""
