"""What we send to addresses that people gave us: callbacks by HTTP and mail. Our own network only if allowed.
And questions to the services that the facility has named.

Not here: what is sent, and when again.
"""

from superfacility.adapters.web.exchange import GuardedExchange
from superfacility.adapters.web.mail import MailServer, NoMail, SmtpMailSender
from superfacility.adapters.web.rules import ReachRules
from superfacility.adapters.web.webhooks import HttpWebhookSender

__all__ = ["GuardedExchange", "HttpWebhookSender", "MailServer", "NoMail", "ReachRules", "SmtpMailSender"]
