"""Hours given for a time and shared among members, charges of two kinds, and their sums by day.

What projects had becomes an allocation without beginning and end; hours without limit need none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("charges", sa.Column("kind", sa.String(), nullable=False, server_default="cpu"))
    op.add_column("charges", sa.Column("qos", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("charges", sa.Column("partition", sa.String(), nullable=False, server_default=sa.text("''")))
    _create_usage()
    _create_allocations()
    _fill()
    op.drop_column("projects", "cpu_hours")
    op.drop_column("projects", "gpu_hours")


def _create_usage() -> None:
    op.create_table(
        "usage_days",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("qos", sa.String(), nullable=False),
        sa.Column("node_hours", sa.Float(), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", "kind", "day", "user", "system", "qos", name=op.f("pk_usage_days")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_usage_days_user_day", "usage_days", ["user", "day"])


def _create_allocations() -> None:
    op.create_table(
        "allocations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hours", sa.Float(), nullable=True),
        sa.Column("begins", sa.Integer(), nullable=True),
        sa.Column("ends", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_allocations_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_allocations_project_kind", "allocations", ["project", "kind"])
    op.create_table(
        "allocation_use",
        sa.Column("allocation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("node_hours", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["allocation"], ["allocations.id"], name=op.f("fk_allocation_use_allocation"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("allocation", "user", name=op.f("pk_allocation_use")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "allocation_shares",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hours", sa.Float(), nullable=True),
        sa.Column("percent", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project", "user"],
            ["memberships.project", "memberships.user"],
            name=op.f("fk_allocation_shares_project_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project", "user", "kind", name=op.f("pk_allocation_shares")),
    )
    op.create_table(
        "allocation_rules",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("when_exhausted", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_allocation_rules_project")),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_allocation_rules")),
    )
    op.create_table(
        "allocation_notices",
        sa.Column("allocation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["allocation"], ["allocations.id"], name=op.f("fk_allocation_notices_allocation"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("allocation", "percent", name=op.f("pk_allocation_notices")),
    )


def _fill() -> None:
    op.execute(
        "INSERT INTO allocations (project, kind, hours) SELECT name, 'cpu', cpu_hours FROM projects"
        " WHERE cpu_hours IS NOT NULL ORDER BY id"
    )
    op.execute(
        "INSERT INTO allocations (project, kind, hours) SELECT name, 'gpu', gpu_hours FROM projects"
        " WHERE gpu_hours IS NOT NULL ORDER BY id"
    )
    op.execute(
        'INSERT INTO usage_days (project, kind, day, "user", system, qos, node_hours, jobs)'
        ' SELECT project, kind, ended_at / 86400000000, "user", system, qos, sum(node_hours), count(*)'
        ' FROM charges GROUP BY project, kind, ended_at / 86400000000, "user", system, qos'
    )
    op.execute(
        'INSERT INTO allocation_use (allocation, "user", node_hours)'
        ' SELECT a.id, u."user", sum(u.node_hours) FROM allocations a'
        ' JOIN usage_days u ON u.project = a.project AND u.kind = a.kind GROUP BY a.id, u."user"'
    )


def downgrade() -> None:
    """What has a beginning, an end or a share cannot be told any more: the latest hours of each kind stay."""
    op.add_column("projects", sa.Column("cpu_hours", sa.Float(), nullable=True))
    op.add_column("projects", sa.Column("gpu_hours", sa.Float(), nullable=True))
    op.execute(
        "UPDATE projects SET"
        " cpu_hours = (SELECT hours FROM allocations a WHERE a.project = projects.name AND a.kind = 'cpu'"
        " ORDER BY coalesce(begins, 0) DESC LIMIT 1),"
        " gpu_hours = (SELECT hours FROM allocations a WHERE a.project = projects.name AND a.kind = 'gpu'"
        " ORDER BY coalesce(begins, 0) DESC LIMIT 1)"
    )
    for table in ("notices", "rules", "shares", "use"):
        op.drop_table(f"allocation_{table}")
    op.drop_table("allocations")
    op.drop_table("usage_days")
    for column in ("partition", "qos", "kind"):
        op.drop_column("charges", column)
