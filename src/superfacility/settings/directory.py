"""Where people come from, if the site has a directory of them."""

from pydantic import Field

from superfacility.settings.values import AdapterSettings, Table


class DirectorySettings(Table):
    """The site's directory of people. The database keeps a copy of them, and what the directory lacks."""

    source: AdapterSettings = Field(
        description="Where they are read: `ldap` comes along; its options are in the how-to `use-ldap`.",
        examples=[
            {"adapter": "ldap", "urls": ["ldaps://ldap.example.org"], "user_base": "ou=people,dc=example,dc=org"}
        ],
    )
    sync_seconds: float = Field(300, ge=10, le=86_400, description="How often the whole directory is read.")
    fresh_seconds: float = Field(
        30,
        ge=1,
        le=600,
        description="How old may be what is known of somebody who calls; their own entry is asked for then. Requests "
        "are looked at every 30 seconds besides, so that both together say when a locked account has lost its power.",
    )
    stale_hours: float = Field(
        24, gt=0, le=720, description="How long the copy counts while the directory does not answer."
    )
    most_lost_percent: float = Field(
        10,
        gt=0,
        le=100,
        description="Share of the people who may lose something at a time, at least 3 of them. If more would, nothing "
        "is changed, and the operator is asked.",
    )
    staff_groups: tuple[str, ...] = Field(
        (),
        description="Groups whose members are staff, and nobody else of the directory. Empty: it says nothing of it.",
    )
    projects: dict[str, str] = Field(
        {}, description="Projects by group: members of the group belong to the project.", examples=[{"grp-m1": "m0001"}]
    )
