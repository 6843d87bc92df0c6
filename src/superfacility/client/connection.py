"""The way into a facility for plain programs.

    with Connection("https://api.example.org", key="laptop") as facility:
        job_id = facility.submit("perlmutter", Path("job.sh").read_text())
        for job in facility.wait_for_job("perlmutter", job_id):
            print(job.state, job.exit_code)

What a program does not call is not loaded: a command that asks one thing starts in a few milliseconds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from superfacility.client.blocking import Calls, completed, plain, plain_iterator
from superfacility.client.facilities import Facility
from superfacility.client.opening import Patience, Proof, find_facility, open_session, tls_context
from superfacility.client.transport.blocking import BlockingTransport
from superfacility.client.transport.messages import Transport

if TYPE_CHECKING:
    from superfacility.client.credentials.tokens import Credentials


class Connection:
    """The same for plain programs: every call returns when it is done. Threads may share one.

    See `AsyncConnection` for the arguments. With `share_tokens` the tokens of a key are kept in a file of the person
    for the next program.
    """

    def __init__(
        self,
        facility: str | Facility | None = None,
        *,
        credentials: "Credentials | None" = None,
        token: str | None = None,
        client_id: str | None = None,
        secret: str | Mapping[str, Any] | None = None,
        key: str | Path | None = None,
        token_url: str | None = None,
        timeout: float = 30.0,
        patience: float = 30.0,
        transport: Transport | None = None,
        share_tokens: bool = False,
    ) -> None:
        self.facility = find_facility(facility, token_url)
        transport = transport or BlockingTransport(tls_context(self.facility))
        proof = Proof(credentials, token, client_id, secret, key, share_tokens)
        self.session = open_session(self.facility, proof, Patience(timeout, patience), transport)
        self.calls = Calls(self.session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is open."""
        completed(self.session.transport.close())

    resources = plain(lambda calls: calls.status.resources)
    resource = plain(lambda calls: calls.status.resource)
    outages = plain(lambda calls: calls.status.outages)
    notes = plain(lambda calls: calls.status.notes)
    configuration = plain(lambda calls: calls.status.configuration)
    systems = plain(lambda calls: calls.status.systems)
    only_system = plain(lambda calls: calls.status.only_system)

    account = plain(lambda calls: calls.account.account)
    projects = plain(lambda calls: calls.account.projects)
    groups = plain(lambda calls: calls.account.groups)
    audit = plain(lambda calls: calls.account.audit)

    allocations = plain(lambda calls: calls.accounting.allocations)
    allocate = plain(lambda calls: calls.accounting.allocate)
    change_allocation = plain(lambda calls: calls.accounting.change_allocation)
    remove_allocation = plain(lambda calls: calls.accounting.remove_allocation)
    allocation_rule = plain(lambda calls: calls.accounting.allocation_rule)
    set_allocation_rule = plain(lambda calls: calls.accounting.set_allocation_rule)
    shares = plain(lambda calls: calls.accounting.shares)
    set_share = plain(lambda calls: calls.accounting.set_share)
    usage = plain(lambda calls: calls.accounting.usage)

    clients = plain(lambda calls: calls.clients.clients)
    client = plain(lambda calls: calls.clients.client)
    create_client = plain(lambda calls: calls.clients.create_client)
    change_client = plain(lambda calls: calls.clients.change_client)
    renew_client = plain(lambda calls: calls.clients.renew_client)
    rotate_client_key = plain(lambda calls: calls.clients.rotate_client_key)
    revoke_client = plain(lambda calls: calls.clients.revoke_client)
    client_levels = plain(lambda calls: calls.clients.client_levels)
    client_addresses = plain(lambda calls: calls.clients.client_addresses)
    client_requests = plain(lambda calls: calls.clients.client_requests)
    client_request = plain(lambda calls: calls.clients.client_request)
    request_client = plain(lambda calls: calls.clients.request_client)
    withdraw_client_request = plain(lambda calls: calls.clients.withdraw_client_request)
    approve_client_request = plain(lambda calls: calls.clients.approve_client_request)
    refuse_client_request = plain(lambda calls: calls.clients.refuse_client_request)

    applications = plain(lambda calls: calls.applications.applications)
    application = plain(lambda calls: calls.applications.application)
    approve_application = plain(lambda calls: calls.applications.approve_application)
    refuse_application = plain(lambda calls: calls.applications.refuse_application)
    revoke_application = plain(lambda calls: calls.applications.revoke_application)

    project = plain(lambda calls: calls.projects.project)
    change_project = plain(lambda calls: calls.projects.change_project)
    members = plain(lambda calls: calls.projects.members)
    add_member = plain(lambda calls: calls.projects.add_member)
    change_member = plain(lambda calls: calls.projects.change_member)
    remove_member = plain(lambda calls: calls.projects.remove_member)
    invite = plain(lambda calls: calls.projects.invite)
    invitations = plain(lambda calls: calls.projects.invitations)
    withdraw_invitation = plain(lambda calls: calls.projects.withdraw_invitation)
    accept_invitation = plain(lambda calls: calls.projects.accept_invitation)
    decline_invitation = plain(lambda calls: calls.projects.decline_invitation)
    join_project = plain(lambda calls: calls.projects.join_project)
    join_requests = plain(lambda calls: calls.projects.join_requests)
    decide_join_request = plain(lambda calls: calls.projects.decide_join_request)
    withdraw_join_request = plain(lambda calls: calls.projects.withdraw_join_request)

    jobs = plain(lambda calls: calls.jobs.jobs)
    job = plain(lambda calls: calls.jobs.job)
    job_elements = plain(lambda calls: calls.jobs.job_elements)
    submit = plain(lambda calls: calls.jobs.submit)
    cancel = plain(lambda calls: calls.jobs.cancel)
    hold = plain(lambda calls: calls.jobs.hold)
    release = plain(lambda calls: calls.jobs.release)
    requeue = plain(lambda calls: calls.jobs.requeue)
    change_job = plain(lambda calls: calls.jobs.change_job)
    wait_for_job = plain(lambda calls: calls.jobs.wait_for_job)
    job_files = plain(lambda calls: calls.output.job_files)
    job_output = plain(lambda calls: calls.output.job_output)
    follow_output = plain_iterator(lambda calls: calls.output.follow_output)
    events = plain_iterator(lambda calls: calls.jobs.events)

    tasks = plain(lambda calls: calls.jobs.tasks)
    task = plain(lambda calls: calls.jobs.task)
    cancel_task = plain(lambda calls: calls.jobs.cancel_task)
    wait_for_task = plain(lambda calls: calls.jobs.wait_for_task)

    ls = plain(lambda calls: calls.files.ls)
    read = plain(lambda calls: calls.files.read)
    pieces = plain_iterator(lambda calls: calls.files.pieces)
    write = plain(lambda calls: calls.files.write)
    download = plain(lambda calls: calls.files.download)
    upload = plain(lambda calls: calls.files.upload)
    start_command = plain(lambda calls: calls.files.start_command)
    run = plain(lambda calls: calls.files.run)

    start_transfer = plain(lambda calls: calls.transfers.start_transfer)
    transfer = plain(lambda calls: calls.transfers.transfer)
    wait_for_transfer = plain(lambda calls: calls.transfers.wait_for_transfer)
    reservations = plain(lambda calls: calls.reservations.reservations)
    reservation = plain(lambda calls: calls.reservations.reservation)
    create_reservation = plain(lambda calls: calls.reservations.create_reservation)
    change_reservation = plain(lambda calls: calls.reservations.change_reservation)
    delete_reservation = plain(lambda calls: calls.reservations.delete_reservation)

    access_token = plain(lambda calls: calls.login.access_token)
    token_claims = plain(lambda calls: calls.login.token_claims)
    token_service = plain(lambda calls: calls.login.token_service)
    begin_login = plain(lambda calls: calls.login.begin_login)
    finish_login = plain(lambda calls: calls.login.finish_login)
    revoke_token = plain(lambda calls: calls.login.revoke_token)
