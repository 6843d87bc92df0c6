"""What a crash must not leave behind."""

import resource


def forbid_core_dumps() -> None:
    """Memory holds signing keys and tokens. The programs of people, who inherit this, may raise it again."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
