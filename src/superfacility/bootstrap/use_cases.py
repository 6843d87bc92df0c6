"""The services, each given the ports that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from superfacility.adapters.web import (
    HttpWebhookSender,
    ReachRules,
)
from superfacility.bootstrap.access import open_access, open_applications, open_notices
from superfacility.bootstrap.accounting import open_accounting
from superfacility.bootstrap.clients import (
    open_client_requests,
    open_client_service,
    open_collaborations,
    open_own_clients,
)
from superfacility.bootstrap.login import open_login, open_sealing
from superfacility.bootstrap.mail import open_mail
from superfacility.bootstrap.projects import open_projects
from superfacility.bootstrap.stores import WEBHOOKS_KEY, Stores
from superfacility.core.clock import Clock
from superfacility.facility.callbacks import MailSender, WebhookSender
from superfacility.facility.secret_files import own_key
from superfacility.facility.systems import Facility
from superfacility.services.accounting.account import AccountService
from superfacility.services.accounting.budget import Budget
from superfacility.services.answers import AnswerService
from superfacility.services.audit import AuditReading
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.control import JobControl
from superfacility.services.compute.listings import JobListings, Visibility
from superfacility.services.compute.output import JobOutputs, OutputLimits
from superfacility.services.compute.reading.sharing import Sharing
from superfacility.services.compute.requests import ComputeService, SubmissionRules, WhenAway
from superfacility.services.events.callbacks import CallbackService
from superfacility.services.events.endings import Endings
from superfacility.services.events.feed import Feed
from superfacility.services.events.mailing import Mailing, MailRules
from superfacility.services.events.readings import JobReadings
from superfacility.services.events.secrets import SigningSecrets
from superfacility.services.events.sending import Courier
from superfacility.services.events.streams import EventService
from superfacility.services.files import StorageService, UploadRules, Uploads, UtilityService
from superfacility.services.membership.people import PeopleService
from superfacility.services.meta import Change, MetaService
from superfacility.services.reservations import ReservationRule, ReservationService
from superfacility.services.services import Services
from superfacility.services.status import ProbeRules, Probes, Shares, StatusService, SystemSummaries
from superfacility.services.tasks import TaskService, Waits
from superfacility.settings import ProbeSettings, Settings


@dataclass(frozen=True, slots=True)
class Senders:
    """How callbacks leave."""

    webhooks: WebhookSender
    mail: MailSender


def open_senders(settings: Settings) -> Senders:
    rules = settings.callbacks
    reach = ReachRules.of(allow=rules.allow, ports=rules.ports, http=rules.http)
    return Senders(
        HttpWebhookSender(reach, time_limit=rules.time_limit),
        open_mail(settings),
    )


def open_use_cases(
    settings: Settings, stores: Stores, facility: Facility, senders: Senders, bound_url: str, clock: Clock
) -> Services:
    people, queue, limits = stores.people, stores.queue, settings.limits
    collectors = _collectors(settings, stores, facility, clock)
    notices = open_notices(settings, stores, senders.mail)
    accounting = open_accounting(settings, stores, facility, notices, clock)
    charges, allocations = accounting.charges, accounting.allocations
    callbacks = _callbacks(settings, stores, senders, collectors, clock)
    rules = _submission_rules(settings, callbacks, accounting.budget)
    jobs = JobListings(facility, queue, clock, collectors, people, Visibility(settings.visibility))
    access = open_access(settings, stores, bound_url, clock)
    return Services(
        answers=AnswerService(stores.answers, open_sealing(settings), clock),
        applications=open_applications(settings, stores, senders.mail, clock),
        grants=access.grants,
        notices=notices,
        provider=access.provider,
        account=AccountService(people, stores.clients, charges, allocations, facility, collectors, clock),
        allocations=allocations,
        audit=AuditReading(stores.audit),
        callbacks=callbacks,
        charges=charges,
        client_requests=open_client_requests(settings, stores, notices, clock),
        clients=open_client_service(settings, stores, clock),
        collaborations=open_collaborations(stores, clock),
        compute=ComputeService(facility, queue, clock, collectors, people, rules),
        control=JobControl(facility, queue, clock, collectors, people, rules.give_up_after),
        events=_events(settings, stores, facility, clock),
        jobs=jobs,
        login=open_login(settings, stores, bound_url, clock, access.grants, notices),
        meta=_meta(settings, facility),
        own_clients=open_own_clients(settings, stores, notices, clock),
        output=JobOutputs(facility, jobs, clock, OutputLimits(limits.follow_per_user, limits.follow_in_all)),
        people=PeopleService(people, clock),
        projects=open_projects(people, stores.admissions, notices, settings.membership, clock),
        reservations=ReservationService(facility, queue, clock, people, ReservationRule(settings.reservations.who)),
        status=StatusService(stores.board, clock),
        storage=_storage(settings, stores, facility, clock),
        summaries=SystemSummaries(facility, collectors),
        tasks=_tasks(settings, stores, clock),
        tokens=access.tokens,
        utilities=_utilities(settings, stores, facility, clock),
    )


def _submission_rules(settings: Settings, callbacks: CallbackService, budget: Budget) -> SubmissionRules:
    patience = timedelta(hours=settings.limits.submit_give_up_hours)
    away = WhenAway(settings.compute.when_away)
    return SubmissionRules(away, patience, callbacks.check, callbacks.expect, budget.check)


def _storage(settings: Settings, stores: Stores, facility: Facility, clock: Clock) -> StorageService:
    return StorageService(
        facility,
        stores.queue,
        clock,
        guard_dot_files=settings.limits.guard_dot_files,
        asks_for_globus=settings.transfers.clients_need_globus,
    )


def _tasks(settings: Settings, stores: Stores, clock: Clock) -> TaskService:
    limits = settings.limits
    waits = Waits(per_user=limits.event_streams_per_user, in_all=limits.event_streams_in_all)
    return TaskService(stores.queue, clock, waits)


def _events(settings: Settings, stores: Stores, facility: Facility, clock: Clock) -> EventService:
    limits = settings.limits
    return EventService(
        Feed(stores.events, rights=stores.clients.generation),
        facility,
        stores.people,
        clock,
        visibility=Visibility(settings.visibility),
        per_user=limits.event_streams_per_user,
        in_all=limits.event_streams_in_all,
    )


def _utilities(settings: Settings, stores: Stores, facility: Facility, clock: Clock) -> UtilityService:
    limits = settings.limits
    return UtilityService(
        facility,
        stores.queue,
        Uploads(stores.allowances, clock, UploadRules(limits.uploads_per_user, limits.upload_bytes_per_day)),
        clock,
        upload_limit=limits.upload_bytes,
        command_time_limit=limits.command_seconds,
        download_limit=limits.download_bytes,
        guard_dot_files=limits.guard_dot_files,
    )


def _collectors(settings: Settings, stores: Stores, facility: Facility, clock: Clock) -> dict[str, Collector]:
    sharing = Sharing(stores.snapshots, stores.locks)
    return {
        name: Collector(
            system,
            clock,
            sharing=sharing,
            period=settings.systems[name].refresh_seconds,
            apart=settings.systems[name].fresh_seconds,
            lost_after=timedelta(seconds=settings.systems[name].lost_after_seconds),
        )
        for name, system in facility.systems.items()
        if system.scheduler is not None
    }


def _callbacks(
    settings: Settings, stores: Stores, senders: Senders, collectors: Mapping[str, Collector], clock: Clock
) -> CallbackService:
    limits = settings.limits
    rules = MailRules(limits.mails_per_user_per_day, limits.mails_per_address_per_day)
    mailing = Mailing(senders.mail, stores.allowances, clock, rules)
    secrets = SigningSecrets(own_key(settings.path(settings.keys) / WEBHOOKS_KEY), stores.callbacks, clock)
    return CallbackService(
        stores.callbacks,
        stores.events,
        senders.webhooks,
        secrets,
        Endings(stores.events, stores.callbacks, stores.queue, clock, JobReadings(collectors)),
        Courier(stores.callbacks, senders.webhooks, mailing, secrets, clock),
        clock,
    )


def open_probes(settings: Settings, facility: Facility, services: Services, clock: Clock) -> Probes:
    rules = {name: _probe_rules(table.probes) for name, table in settings.systems.items() if table.probes.enabled}
    inventories = {name: collector.inventory for name, collector in services.jobs.collectors.items()}
    return Probes(facility, services.status, clock, rules, inventories=inventories)


def _probe_rules(table: ProbeSettings) -> ProbeRules:
    return ProbeRules(
        table.period_seconds,
        table.time_limit_seconds,
        table.slow_seconds,
        table.failures,
        table.successes,
        Shares(table.degraded_share, table.unavailable_share),
        table.account,
        table.folders,
        table.resources,
    )


def _meta(settings: Settings, facility: Facility) -> MetaService:
    targets = [name for name, system in facility.systems.items() if system.scheduler is not None]
    return MetaService(
        changelog=[Change(entry.day, entry.change) for entry in settings.changelog],
        config={
            "facility.name": settings.name,
            "compute.targets": ",".join(targets),
            "utilities.targets": ",".join(facility.systems),
            "storage.endpoints": ",".join(settings.transfers.endpoints),
            "utilities.upload_bytes": str(settings.limits.upload_bytes),
            "utilities.download_bytes": str(settings.limits.download_bytes),
        },
    )
