"""How the service itself behaves: server, tokens, limits, callbacks, mail."""

from datetime import date
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
)

from superfacility.settings.values import PublicUrl, Table


class MetricsSettings(Table):
    """Where Prometheus reads metrics: not for callers, so on an address of its own, without a token."""

    port: int = Field(
        ge=1, le=65535, description="Port of the first server process; further ones count up from it.", examples=[9464]
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")


class ServerSettings(Table):
    """How `sfapi serve` runs."""

    workers: int = Field(1, ge=1, le=64, description="Server processes; they share the database.")
    concurrent_tasks: int = Field(
        16, ge=1, le=256, description="Tasks that one process works on at a time, at most half of them for one user."
    )
    graceful_seconds: int = Field(
        20, ge=0, le=600, description="How long a stopping server waits for requests that are under way."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_lines_per_minute: int = Field(
        120,
        ge=0,
        description="Lines of one kind that one address may cause in a minute, in each process (of the access log 50 "
        "times as many); what is more is counted and told once a minute. 0: any number.",
    )
    access_log: bool = Field(False, description="Log a line for each request (without its query string).")
    metrics: MetricsSettings | None = Field(None, description="Metrics for Prometheus; unset: none.")
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of reverse proxies whose forwarded headers tell where a request comes from."
    )


class AccountingSettings(Table):
    """What follows from the hours that projects have."""

    when_exhausted: Literal["block", "warn", "ignore"] = Field(
        "warn",
        description="What becomes of a submission whose project has no hours left, or none for today, or whose user "
        "has used their share: refused, accepted with a warning, or accepted. Staff may choose for each project.",
    )
    mail_at_percent: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        (80, 100), description="How much of its hours a project has used when its PI and PI proxies get a mail."
    )


class TokenSettings(Table):
    """The token service."""

    profile: Literal["compat", "strict"] = Field(
        "compat", description="`compat` accepts what existing programs send; `strict` wants `jti` and 60-second proofs."
    )
    additional_urls: tuple[PublicUrl, ...] = Field(
        (), description="Other URLs of the token endpoint that clients may name as the audience of their proof."
    )


class GrantLifetimeSettings(Table):
    """How many hours an application may act for a person before they log in again, by the level that it was given."""

    green: float = Field(1440, gt=0, le=8784, description="Reads account, tasks and reservations.")
    yellow: float = Field(1440, gt=0, le=8784, description="Also sees jobs and lists directories.")
    orange: float = Field(
        720, gt=0, le=8784, description="Also reads and writes files, transfers data, manages groups."
    )
    red: float = Field(10, gt=0, le=8784, description="Also runs commands, submits and cancels jobs.")


class GrantNetworkSettings(Table):
    """From which networks (CIDR) applications may be used, by the level that they were given; empty: from anywhere."""

    green: tuple[IPv4Network | IPv6Network, ...] = Field((), description="Reads account, tasks and reservations.")
    yellow: tuple[IPv4Network | IPv6Network, ...] = Field((), description="Also sees jobs and lists directories.")
    orange: tuple[IPv4Network | IPv6Network, ...] = Field((), description="Also reads and writes files, and more.")
    red: tuple[IPv4Network | IPv6Network, ...] = Field((), description="Also runs commands, submits and cancels jobs.")


class ApplicationSettings(Table):
    """Applications that people log in to: science gateways, and the command line."""

    command_line: bool = Field(True, description="Let people log in with `sfapi login`.")
    approval_above: Literal["none", "green", "yellow", "orange", "red"] = Field(
        "yellow", description="Applications above this level wait until staff approve them; `none`: all do."
    )
    idle_hours: float = Field(
        336, gt=0, le=8784, description="Hours after which an application that was not used needs a new login."
    )
    hours: GrantLifetimeSettings = Field(GrantLifetimeSettings(), description="Hours that a login to one lasts.")
    networks: GrantNetworkSettings = Field(GrantNetworkSettings(), description="From where they may be used.")


class LifetimeSettings(Table):
    """How many days clients live, by security level."""

    green: int = Field(60, ge=1, le=366, description="Reads account, tasks and reservations.")
    yellow: int = Field(60, ge=1, le=366, description="Also sees jobs and lists directories.")
    orange: int = Field(30, ge=1, le=366, description="Also reads and writes files, transfers data, manages groups.")
    red: int = Field(2, ge=1, le=366, description="Also runs commands, submits and cancels jobs.")


class RateSettings(Table):
    """How often callers may ask, in each server process. Public reads, as the status, are never limited."""

    client_per_second: float = Field(
        100, ge=0, description="Requests a second of one client, in the long run; 0: no limit."
    )
    client_burst: int = Field(1000, ge=1, description="Requests of one client at once, after a rest.")
    address_per_second: float = Field(
        50, ge=0, description="Requests a second from one address for tokens or with a bad token; 0: no limit."
    )
    address_burst: int = Field(500, ge=1, description="Such requests from one address at once, after a rest.")


class LimitSettings(Table):
    """Bounds of what callers may do."""

    upload_bytes: int = Field(5 * 1024**3, ge=1, description="Largest upload.")
    upload_bytes_per_day: int = Field(
        10 * 1024**4, ge=0, description="Bytes that one user may upload in a day (UTC); 0: any number."
    )
    uploads_per_user: int = Field(32, ge=1, description="Uploads of one user at a time, in one process.")
    download_bytes: int = Field(5 * 1024**3, ge=1, description="Largest download.")
    command_seconds: float = Field(600, gt=0, description="How long a command may run before it is killed.")
    tasks_per_user: int = Field(
        5000,
        ge=0,
        description="Tasks of one user that have not ended; what cancels jobs may go half beyond. 0: any number.",
    )
    task_retention_days: int = Field(30, ge=1, description="How long tasks that have ended can be read.")
    audit_retention_days: int = Field(730, ge=1, description="How long rows of audit are kept.")
    event_retention_days: int = Field(30, ge=1, description="How long events can be read.")
    status_retention_days: int = Field(730, ge=1, description="How long the history of states is kept.")
    submit_give_up_hours: float = Field(
        24, gt=0, description="How long a submission waits for a scheduler that does not answer."
    )
    mails_per_user_per_day: int = Field(
        200, ge=0, description="Callbacks of one user that are mailed in a day (UTC); 0: any number."
    )
    mails_per_address_per_day: int = Field(
        500, ge=0, description="Callbacks of all users that are mailed to one address in a day (UTC); 0: any number."
    )
    follow_per_user: int = Field(10, ge=1, description="Outputs of jobs that one user may follow at a time.")
    follow_in_all: int = Field(500, ge=1, description="Outputs that all may follow at a time, in one process.")
    event_streams_per_user: int = Field(100, ge=1, description="Event streams of one user, in one process.")
    event_streams_in_all: int = Field(20_000, ge=1, description="Event streams of all users, in one process.")
    guard_dot_files: bool = Field(
        True, description="Refuse clients below red to write dot-files of a home or executables."
    )
    lifetimes: LifetimeSettings = Field(LifetimeSettings(), description="Days that clients live.")
    rates: RateSettings = Field(RateSettings(), description="How often callers may ask.")


class ComputeSettings(Table):
    """How jobs are taken."""

    when_away: Literal["queue", "refuse"] = Field(
        "queue",
        description="What becomes of a submission while the scheduler does not answer: `queue` keeps it and submits "
        "later, `refuse` answers 503.",
    )


class ReservationSettings(Table):
    """Who may ask for reservations; the scheduler has the last word."""

    who: Literal["anyone", "staff"] = Field("anyone", description="Who may create and change reservations.")


class MembershipSettings(Table):
    """How people come into projects: invitations, and requests to join."""

    invitation_days: float = Field(14, gt=0, le=366, description="Days that an invitation can be accepted.")
    invitations_per_day: int = Field(50, ge=1, description="Invitations that one person may send a day.")
    request_days: float = Field(30, gt=0, le=366, description="Days that a request to join can be answered.")
    requests_per_day: int = Field(10, ge=1, description="Requests to join that one person may make a day.")


class CallbackSettings(Table):
    """Where callbacks may be sent: never to private or local addresses unless they are allowed here."""

    allow: tuple[str, ...] = Field(
        (), description="Hosts and networks (CIDR) of your own that callbacks may reach.", examples=[["10.1.0.0/16"]]
    )
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (443, 8443), description="Ports that they may be sent to; empty: any."
    )
    http: bool = Field(False, description="Also send to http:// addresses; opens port 80.")
    time_limit: float = Field(15.0, gt=0, le=120, description="Seconds that a receiver has to answer.")


class MailSettings(Table):
    """The mail server through which callbacks by e-mail are sent."""

    host: str = Field(description="Name of the mail server.", examples=["smtp.example.org"])
    sender: str = Field(description="Whom the mails are from.", examples=["Example Facility <api@example.org>"])
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the connection is protected.")
    user: str | None = Field(None, description="Name to log in with, if it wants one.", examples=["api"])
    password_file: Path | None = Field(None, description="File (0600) with the password.", examples=["mail-password"])


class ChangelogEntry(Table):
    """A line of `GET /meta/changelog`."""

    day: date = Field(alias="date", description="Day of the change.")
    change: str = Field(description="What changed for callers.")
