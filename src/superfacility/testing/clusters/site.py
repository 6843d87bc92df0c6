"""A facility whose machines are the test cluster: its settings, and the operator's commands that invite its people."""

from collections.abc import Iterator
from typing import Any

from superfacility.testing.clusters.cluster import SlurmCluster

PROJECT = "m0001"


def on_cluster(settings: dict[str, Any], cluster: SlurmCluster) -> dict[str, Any]:
    """The settings of the demonstration facility, as TOML loads them, moved to the cluster."""
    places = cluster.filesystems
    systems = {name: {**table, "transport": _transport(cluster)} for name, table in settings["systems"].items()}
    systems["perlmutter"]["scheduler"] = {
        "adapter": "slurm",
        "account": cluster.service_account,
        "environment": {"SLURM_CONF": str(cluster.slurm_conf)},
    }
    transfers = {**settings["transfers"]}
    transfers["endpoints"] = {**transfers["endpoints"], "hpss": {"system": "dtns", "root": str(places["archive"])}}
    filesystems = {
        "home": {"kind": "home", "path": f"{places['home']}/{{user}}"},
        "scratch": {"kind": "scratch", "path": f"{places['scratch']}/{{user}}"},
        "project": {"kind": "project", "path": f"{places['project']}/{{project}}"},
        "archive": {"kind": "archive", "path": str(places["archive"])},
    }
    moved = {"shared_account": False, "filesystems": filesystems, "systems": systems, "transfers": transfers}
    return {**settings, **moved}


def _transport(cluster: SlurmCluster) -> dict[str, Any]:
    return {
        "adapter": "ssh",
        "host": cluster.ssh_host,
        "port": cluster.ssh_port,
        "known_hosts": str(cluster.known_hosts),
        "ca_key": str(cluster.user_ca),
    }


def invitations(cluster: SlurmCluster) -> Iterator[tuple[str, ...]]:
    """The arguments of each `sfapi` command that makes the cluster's people those of the facility."""
    alice, bob, carol = (cluster.users[name] for name in ("alice", "bob", "carol"))
    for person in (alice, bob, carol):
        email = f"{person.name}@example.org"
        yield ("admin", "user", "add", person.name, "--uid", str(person.uid), "--email", email)
    yield ("admin", "project", "member", "add", PROJECT, alice.name, "--role", "pi")
    yield ("admin", "project", "member", "add", PROJECT, bob.name, "--role", "user")
    yield ("admin", "group", "change", "g0001", "--add", alice.name, "--add", bob.name)
