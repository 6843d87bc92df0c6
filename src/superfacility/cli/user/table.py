"""Every command, where it is, and what it is for: all that `sfapi --help` needs."""

from collections.abc import Mapping

_HERE = "superfacility.cli.user"

TABLE: Mapping[str, tuple[str, str]] = {
    "login": (f"{_HERE}.person.login", "Log in to a facility, or name the key that programs use."),
    "logout": (f"{_HERE}.person.login", "End the login on this machine, and at the facility."),
    "whoami": (f"{_HERE}.person.whoami", "Who you are to a facility, and how much you may do."),
    "activity": (f"{_HERE}.person.activity", "What you have done, and from where; for staff what everybody has."),
    "status": (f"{_HERE}.status", "How systems and services are now."),
    "outages": (f"{_HERE}.status", "Downtime: past, in effect and planned."),
    "balance": (f"{_HERE}.hours.balance", "Hours and storage left in your projects."),
    "usage": (f"{_HERE}.hours.balance", "Hours that you or a project have used over time."),
    "allocations": (f"{_HERE}.hours.allocations", "Hours that projects were given for a time; staff give them."),
    "shares": (f"{_HERE}.hours.shares", "How a project's hours are divided among its members."),
    "submit": (f"{_HERE}.work.submit", "Submit a batch script, and wait for it if you like."),
    "jobs": (f"{_HERE}.work.jobs", "List jobs."),
    "show": (f"{_HERE}.work.jobs", "Everything about a job."),
    "logs": (f"{_HERE}.work.logs", "What a job prints; -f follows it."),
    "cancel": (f"{_HERE}.work.jobs", "Cancel jobs."),
    "hold": (f"{_HERE}.work.jobs", "Keep waiting jobs from starting."),
    "release": (f"{_HERE}.work.jobs", "Let held jobs start."),
    "run": (f"{_HERE}.work.run", "Run a command on a system."),
    "ls": (f"{_HERE}.files.listing", "List files of a system."),
    "cat": (f"{_HERE}.files.listing", "Print files of a system."),
    "cp": (f"{_HERE}.files.copying", "Copy files to and from a system."),
    "transfer": (f"{_HERE}.files.transfer", "Copy between the facility's endpoints."),
    "tasks": (f"{_HERE}.work.tasks", "Work that the facility does for you."),
    "reservations": (f"{_HERE}.work.reservations", "Nodes set aside for a time."),
    "clients": (f"{_HERE}.programs.clients", "Programs that may act as you, and their keys."),
    "client-requests": (f"{_HERE}.programs.client_requests", "For staff: clients that people ask for."),
    "applications": (f"{_HERE}.programs.applications", "Programs that people log in to; staff approve them."),
    "projects": (f"{_HERE}.projects.noun", "Your projects, their members, invitations and requests to join."),
    "doctor": (f"{_HERE}.person.doctor", "Find out why something does not work."),
    "completion": (f"{_HERE}.description.completion", "Completion for bash, zsh or fish."),
}
