"""Everything that can go wrong at a facility, as one tree.

    FacilityError
    ├── NotPermitted            who you are, or what you may do
    ├── NotFound                no such system, job, task, group, resource, reservation, transfer
    ├── InvalidInput            the request itself is wrong; sending it again cannot help
    │   └── KeyReused           an idempotency key of another request
    ├── Conflict                it contradicts what is there (a name taken)
    │   └── UnderWay            the same request is being answered already (transient)
    ├── Refused                 the system said no, in its own words (sbatch, ls, rm); `words` is what it said
    │   ├── NoHours             nobody has node hours for it; in our words
    │   └── FileProblem         about a path, in GNU's words: "ls: cannot access '/x': No such file or directory"
    ├── Unsupported             this scheduler, transport or site cannot do that at all
    ├── Doubtful                it may or may not have happened; look before you act again (transient)
    ├── TooMany                 you ask too often, or for too much at a time (transient)
    └── Unavailable             not now: the system, its scheduler or our database does not answer (transient)

`transient` says whether the same request can succeed later. `http/errors.py` alone maps the tree to the wire.
"""


class FacilityError(Exception):
    """Anything that went wrong; the message is for the person who asked and says what to do next."""

    transient = False


class NotPermitted(FacilityError):
    """The caller may not do this."""


class NotFound(FacilityError):
    """There is no such thing, or none that the caller may know of."""


class InvalidInput(FacilityError):
    """The request is wrong as it stands."""


class KeyReused(InvalidInput):
    """The idempotency key was used with another request: nothing was looked at, so no result can tell of it."""


class Conflict(FacilityError):
    """The request contradicts what is already there."""


class UnderWay(Conflict):
    """The same request came before and is not answered yet. `retry_after` is in seconds."""

    transient = True

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(FacilityError):
    """The system said no. The message is its own words, unchanged, with its final newline."""

    @property
    def words(self) -> str:
        return str(self.args[0]) if self.args else ""


class NoHours(Refused):
    """A submission that the project would have to pay for with hours that it does not have."""


class FileProblem(Refused):
    """A path cannot be listed, read or written; worded as GNU's tools do."""


class Unsupported(FacilityError):
    """The adapter cannot do this at all."""


class Doubtful(FacilityError):
    """Nobody knows whether it happened; the next step is to look, never to do it again blindly."""

    transient = True


class TooMany(FacilityError):
    """The caller has used up what everybody may have. `retry_after` is in seconds."""

    transient = True

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(FacilityError):
    """The other side does not answer now. `retry_after` is in seconds."""

    transient = True

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after
