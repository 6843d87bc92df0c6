"""How mail leaves, which operators' commands need as well."""

from superfacility.adapters.web import MailServer, NoMail, SmtpMailSender
from superfacility.facility.callbacks import MailSender
from superfacility.settings import Settings


def open_mail(settings: Settings) -> MailSender:
    mail = settings.mail
    if mail is None:
        return NoMail()
    password = None if mail.password_file is None else settings.path(mail.password_file)
    return SmtpMailSender(MailServer(mail.host, mail.sender, mail.port, mail.security, mail.user, password))
