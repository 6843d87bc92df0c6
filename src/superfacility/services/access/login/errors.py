"""Why somebody is not let in. The texts are the same for a name that exists and for one that does not."""

from superfacility.facility.errors import InvalidInput, NotPermitted


class LoginRefused(NotPermitted):
    """What was given does not prove who it is."""


class TooManyAttempts(LoginRefused):
    """`retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        minutes = -(-retry_after // 60)
        wait = f"{retry_after} seconds" if retry_after < 90 else f"{minutes} minutes"
        super().__init__(f"There were too many attempts. Wait {wait}, then try again.")
        self.retry_after = retry_after


class WeakPassword(InvalidInput):
    """A new password that others would guess; says what to do."""


class LinkSpent(LoginRefused):
    """A link that was used already, is too old, or never was one."""

    def __init__(self) -> None:
        super().__init__("This link was used already or is too old. Ask the facility's staff for a new one.")


class BeginAgain(LoginRefused):
    """A login that took too long, or was begun in another window."""

    def __init__(self) -> None:
        super().__init__("This login took too long, or was begun in another window. Begin again.")
