"""The one way in which the installer fails on purpose."""


class InstallError(Exception):
    """One sentence for people: what went wrong, and in `mend` what to do about it."""

    def __init__(self, message: str, mend: str = "", status: int = 1) -> None:
        super().__init__(message)
        self.mend = mend
        self.status = status
