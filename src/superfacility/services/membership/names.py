"""Which names new users, projects, groups and reservations may have: what every Unix and every scheduler can bear."""

import re

from superfacility.facility.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")
_LONGEST_ADDRESS = 254
_OF_MACHINES = re.compile(
    r"root|toor|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|www-data|backup|list|irc|gnats|nobody|nogroup|"
    r"adm|wheel|sudo|sudoers|admin|administrator|operator|staff|users|shadow|disk|kmem|mem|tty|dialout|cdrom|floppy|"
    r"tape|audio|video|input|render|kvm|lxd|incus|docker|podman|libvirt|plugdev|netdev|utmp|shutdown|halt|ftp|"
    r"systemd-.*|_.*|messagebus|dbus|polkitd|sshd?|ssl-cert|chrony|ntp|rpc|rpcuser|statd|tss|sssd|ldap|slapd|named|"
    r"munge|slurm|slurmrestd|slurmdbd|postgres|mysql|mariadb|redis|apache|nginx|httpd|gdm|crontab|"
    r"ubuntu|debian|fedora|centos|rocky|almalinux|ec2-user|cloud-user|opc|azureuser|vagrant|ansible|puppet",
    re.ASCII | re.IGNORECASE,
)
"""Accounts and groups that operating systems, Slurm and images of clouds bring along."""
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,7}")


def check_name(kind: str, name: str) -> None:
    """`InvalidInput` unless the name begins with a letter and has letters, digits, `_`, `.` and `-` only."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a {kind}: use at most 64 ASCII letters, digits, '_', '.' and '-', "
            "beginning with a letter."
        )


def check_group_name(name: str) -> None:
    """At most 8 characters, as the contract says; ASCII, as Unix groups want it."""
    if not _GROUP.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a group: use at most 8 ASCII letters, digits, '_' and '-', "
            "beginning with a letter."
        )


def check_not_of_machines(kind: str, name: str) -> None:
    """`InvalidInput` for a name that gives power over a machine where it becomes an account or a group there. For
    names that people choose; operators know what they do."""
    if _OF_MACHINES.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot be the name of a {kind}: machines have one of their own with that name.")


def checked_address(address: str) -> str:
    """A mail address in lower case; `InvalidInput` for what is not one plain address."""
    text = address.strip()
    if not _ADDRESS.fullmatch(text) or len(text) > _LONGEST_ADDRESS:
        raise InvalidInput("That is not a mail address: write one plain address such as ada@example.org.")
    return text.lower()
