"""`sfapi admin user`: who is known here, and how they log in with a browser."""

from superfacility.cli.admin.user import logins, records
from superfacility.cli.admin.user.noun import app

__all__ = ["app", "logins", "records"]
