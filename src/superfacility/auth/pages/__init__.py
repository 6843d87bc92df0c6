"""What every page for browsers is made with: layout, who is there, and forms that no other site can send.

Pages are plain HTML: they work without JavaScript, by keyboard and with a screen reader. A route is made with
`page_router()`; what goes wrong in it is shown as a page.
"""

from superfacility.auth.pages.browser import signed_in, to_login
from superfacility.auth.pages.forms import checked_form, form_token
from superfacility.auth.pages.problems import PageProblem
from superfacility.auth.pages.rendering import onward, page
from superfacility.auth.pages.routing import page_router

__all__ = ["PageProblem", "checked_form", "form_token", "onward", "page", "page_router", "signed_in", "to_login"]
