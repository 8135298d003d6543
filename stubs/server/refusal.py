"""How the fault channel's far end says that something could not be done. May hold that exception only."""


class RefusedError(Exception):
    """A request that could not be carried out.

    Attributes:
        kind: "request" (it makes no sense), "nft" (libnftables or the kernel refused it), "probe" (it could not be
            sent) or "route" (the kernel refused a queueing discipline or class).
        code: the kernel's error by its name, as ENOENT, where it named one.
    """

    def __init__(self, kind: str, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
