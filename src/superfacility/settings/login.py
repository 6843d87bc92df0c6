"""How people log in with a browser, and how the pages look."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from superfacility.settings.values import Name, Table


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _issuer(value: str) -> str:
    url = urlsplit(value)
    if url.query or url.fragment or url.username or not url.hostname:
        raise ValueError("must be the provider's issuer as it says itself: a URL without query")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname)):
        raise ValueError("must begin with https:// (http:// for a provider on this machine, for a trial)")
    return value


Issuer = Annotated[str, AfterValidator(_issuer)]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]


class ProviderSettings(Table):
    """An identity provider that people log in at (OpenID Connect)."""

    title: str = Field(description="What people know it by; the button says: Log in with …", examples=["Example Lab"])
    issuer: Issuer = Field(
        description="Its issuer, letter by letter as its configuration names it.", examples=["https://id.example.org"]
    )
    client_id: str = Field(description="What it calls this installation.", examples=["superfacility"])
    client_secret_file: Path | None = Field(
        None, description="File (0600) with the secret that it shares with us.", examples=["keys/example-lab.secret"]
    )
    client_secret_in_form: bool | None = Field(
        None,
        description="Whether the secret is sent in the form (`client_secret_post`) or in the header "
        "(`client_secret_basic`). Unset: in the header if the provider takes that.",
        examples=[True],
    )
    private_key_file: Path | None = Field(
        None,
        description="File (0600) with a private key (PEM) in place of a secret. The provider knows the public half, "
        "by its thumbprint (RFC 7638) as `kid`.",
        examples=["keys/example-lab.pem"],
    )
    allow: tuple[str, ...] = Field(
        (),
        description="Hosts and networks (CIDR) of your own, besides the issuer's, that it may send us to.",
        examples=[["keys.id.example.org"]],
    )
    scopes: tuple[str, ...] = Field(("openid", "profile", "email"), description="What is asked for.")
    algorithms: tuple[Algorithm, ...] = Field(
        ("RS256", "PS256", "ES256", "EdDSA"), min_length=1, description="Signatures that are accepted."
    )
    user_claim: str = Field("preferred_username", description="Claim with the user name.")
    user_suffix: str = Field("", description="What must end that claim and is taken off it.", examples=["@example.org"])
    groups_claim: str = Field("groups", description="Claim with the person's groups.")
    staff_groups: tuple[str, ...] = Field(
        (),
        description="Groups whose members are staff, and nobody else who logs in here. Empty: it says nothing of it.",
    )
    projects: dict[str, str] = Field(
        {}, description="Projects by group: members of the group belong to the project.", examples=[{"grp-m1": "m0001"}]
    )
    create_users: bool = Field(False, description="Make a user of somebody who is none yet.")
    required_acr: tuple[str, ...] = Field((), description="Assurance levels (`acr`), of which one must be reached.")
    required_amr: tuple[str, ...] = Field((), description="Methods (`amr`) that must all have been used, as `mfa`.")

    @model_validator(mode="after")
    def _has_one_proof(self) -> Self:
        if (self.client_secret_file is None) == (self.private_key_file is None):
            raise ValueError("needs either client_secret_file or private_key_file")
        if "openid" not in self.scopes:
            raise ValueError("scopes must have openid")
        return self


class LoginSettings(Table):
    """How people log in with a browser."""

    accounts: bool | None = Field(
        None,
        description="Accounts of our own, with passwords. Unset: only where there is no identity provider.",
        examples=[True],
    )
    second_factor: Literal["required", "optional"] = Field(
        "required", description="Whether accounts of our own need a code of an authenticator app as well."
    )
    idle_minutes: int = Field(60, ge=1, le=1440, description="A browser that does nothing for so long is logged out.")
    session_hours: float = Field(12, gt=0, le=168, description="How long a login counts at most.")
    hash_memory_mib: int = Field(64, ge=19, le=4096, description="Memory that hashing a password takes (Argon2id).")
    hash_iterations: int = Field(3, ge=1, le=50, description="How often it goes over that memory.")
    hash_parallelism: int = Field(4, ge=1, le=64, description="Lanes that it has.")
    hashes_at_once: int = Field(2, ge=1, le=64, description="Passwords that one process hashes at a time.")
    providers: dict[Name, ProviderSettings] = Field({}, description="Identity providers.")

    @model_validator(mode="after")
    def _hashing_is_dear_enough(self) -> Self:
        if self.hash_memory_mib < 46 and self.hash_iterations < 2:
            raise ValueError("hash_iterations must be at least 2 with less than 46 MiB of memory")
        if "accounts" in self.providers:
            raise ValueError("no provider can be called accounts: that is what our own are called")
        if "directory" in self.providers:
            raise ValueError("no provider can be called directory: that is what the site's directory is called")
        return self

    @property
    def has_accounts(self) -> bool:
        return not self.providers if self.accounts is None else self.accounts


class AppearanceSettings(Table):
    """How the pages look."""

    name: str | None = Field(
        None, description="Name on the pages; unset: the facility's.", examples=["Example Facility"]
    )
    colour: str = Field("#1d4f91", pattern="^#[0-9a-fA-F]{6}$", description="The facility's colour.")
    logo: Path | None = Field(
        None,
        description="Picture for the head of each page: PNG, JPEG, SVG or WebP, at most 256 KiB.",
        examples=["logo.svg"],
    )
    support: str | None = Field(
        None,
        pattern="^(https://|mailto:)[!-~]+$",
        description="Where people find help.",
        examples=["https://www.example.org/help"],
    )
