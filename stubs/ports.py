"""Every port of a server, in one place. May hold numbers and their origin, nothing else.

"Real" ports are those of the product, for likeness. "Invented" ones have no counterpart there: what is spoken on
them is this testbed's own and claims no parity with the vendor's protocols.
"""

PORTAL_HTTPS = 9443
"""User and administrator pages and the JSON API of the portal (real port)."""

PLATFORM_VIEW = 7071
"""Platform view (Web Control) of a server, HTTPS (real port)."""

CORE_SERVICES = 50804
"""IP Office services of a core, HTTPS: configuration, and the invented redirect service (real port)."""

SCN_KEEPALIVE = 50795
"""Keep-alive between cores, UDP (real port, invented payload)."""

CTI = 50797
"""A portal's CTI link to a core, TCP (invented)."""

PORTAL_LINK = 50798
"""Portal to portal: state by UDP, changes by TCP (invented)."""

PROBE = 50796
"""Where a link is probed, to prove a fault: packets with `PROBE_DSCP`, counted and then dropped by the
receiver's packet filter. Nothing listens here (invented)."""

PROBE_DSCP = 47
"""What marks a probe: a code point for local use (RFC 2474, pool 2). Any port can be probed with it, by UDP,
by TCP or by ICMP echo, without its listener noticing (invented)."""

STREAM_DSCP = 39
"""What marks the packets of a stream that measures a slow link: they wait in its queue like any other packet, where
probes pass by, and they are not counted; the receiver drops them, too. A code point like that (invented)."""

ANSWER_DSCP = 45
"""What marks the answer of a network fault, a TCP reset or an ICMP error: another code point for local use. It comes
through whatever cut there is, as if a firewall on the way had sent it (invented)."""

INSPECTOR_DSCP = 43
"""What marks what the orchestrator itself asks, so that its connections are told from clients' even where nobody
answered: another code point for local use (invented)."""

WATCHDOG = 50799
"""Services of a server tell its platform view how they are: TCP on loopback only (invented)."""

RESERVED = f"{PLATFORM_VIEW},{PORTAL_HTTPS},{SCN_KEEPALIVE}-{CORE_SERVICES}"
"""All of them, as the kernel takes them for ports that it gives to no outgoing connection. Some lie where it looks for
one: a service that starts while a connection of its neighbour has its port could not listen."""
