"""Which of the ways to prove itself a program uses."""

from pathlib import Path
from urllib.parse import urlsplit

from superfacility.client.credentials.assertions import KeyCredentials
from superfacility.client.credentials.key_files import ClientKey, find_key_file, read_key_file
from superfacility.client.credentials.saved import LoginCredentials, SavedKeyCredentials, TokenFile
from superfacility.client.credentials.tokens import Anonymous, Credentials, PlainToken
from superfacility.client.environment import Environment
from superfacility.client.errors import ConfigurationError
from superfacility.client.facilities import Facility
from superfacility.client.opening import Proof
from superfacility.client.transport.messages import Transport


def choose_credentials(proof: Proof, facility: Facility, environment: Environment, transport: Transport) -> Credentials:
    """Of the caller, then of the environment, then of the configuration, then of `sfapi login`; else anonymous."""
    if proof.credentials is not None:
        return proof.credentials
    if proof.token:
        return PlainToken(proof.token)
    if key := _given_key(proof, facility, environment):
        return _of_key(key, proof, facility, environment)
    if environment.token:
        return PlainToken(environment.token)
    login = login_file(facility, environment.home)
    return LoginCredentials(login, transport, facility.name) if login.path.exists() else Anonymous()


def login_file(facility: Facility, folder: Path) -> TokenFile:
    """Where the login to a facility is kept."""
    return TokenFile(folder, facility.name)


def _given_key(proof: Proof, facility: Facility, environment: Environment) -> ClientKey | None:
    for client_id, secret in ((proof.client_id, proof.secret), (environment.client_id, environment.secret)):
        if client_id and secret:
            return ClientKey(client_id, secret)
        if secret and not client_id:
            raise ConfigurationError("A secret needs the id of its client beside it (SFAPI_CLIENT_ID).")
        if proof.key:
            return read_key_file(find_key_file(proof.key, environment.home))
    if environment.token or not facility.key:
        return None
    return read_key_file(find_key_file(facility.key, environment.home))


def _of_key(key: ClientKey, proof: Proof, facility: Facility, environment: Environment) -> Credentials:
    credentials = KeyCredentials(key)
    if not proof.share:
        return credentials
    host = urlsplit(facility.url if "//" in facility.url else f"//{facility.url}").netloc.replace(":", "-")
    return SavedKeyCredentials(credentials, TokenFile(environment.home, f"{key.client_id}@{host}"))
