"""Mail as a server far away would treat it."""

from flask import Flask

from idp import clock
from idp.accounts.rules import rules
from idp.mail import outbox


def refuse_all_mail(app: Flask) -> None:
    """Give up everything that waits, as when a server takes no letter from here."""
    with app.app_context():
        for item in outbox.lease(rules().vault, clock.now()):
            outbox.failed(item, "SMTPRecipientsRefused", clock.now(), for_good=True)
