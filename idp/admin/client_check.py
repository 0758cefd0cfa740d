"""What will fail at a client app, in words."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response
from flask_babel import format_datetime
from flask_babel import gettext as _

from idp.admin import admin, shared
from idp.admin.client_links import client_url
from idp.clients import checking, management
from idp.clients.checking import Code, Finding, Level
from idp.clients.management import NoSuchClient
from idp.texts import LANGUAGE_NAMES
from idp.web import errors


@dataclass(frozen=True)
class FindingView:
    """`about` is a value or a reason, as it stands in the registration."""

    text: str
    about: str


@admin.get("/clients/<client_id>/check")
def client_check(client_id: str) -> Response:
    try:
        client = management.look(client_id, shared.actor())
        found = checking.check(client_id, shared.actor())
    except NoSuchClient:
        return errors.not_found()
    groups = [
        (title, tone, [_view(finding) for finding in found if finding.level is level])
        for level, title, tone in (
            (Level.ERROR, _("This will fail"), "bad"),
            (Level.WARNING, _("This should be looked at"), "warning"),
            (Level.HINT, _("This can be better"), "quiet"),
        )
    ]
    return shared.page(
        "client_check",
        client=client,
        base=client_url(client_id),
        groups=[group for group in groups if group[2]],
    )


def _view(finding: Finding) -> FindingView:
    about = finding.about
    if finding.code is Code.NO_NAME_IN:
        about = LANGUAGE_NAMES.get(about, about)
    elif finding.code is Code.TWO_SECRETS:
        about = format_datetime(datetime.fromisoformat(about), "short")
    return FindingView(_text(finding.code), about)


def _text(code: Code) -> str:
    return {
        Code.DISABLED: _("The client app is disabled: nobody can log in to it."),
        Code.NOT_VALID: _("The registration breaks a rule that is in force now. Saving it would not succeed."),
        Code.PLAIN_HTTP: _("The address begins with http. Logins would be readable on their way; use https."),
        Code.LOOPBACK: _("The address is that of the visitor's own computer. It is good for development alone."),
        Code.KEYS_UNREACHABLE: _("The public keys of the client app cannot be fetched from their address."),
        Code.KEYS_UNUSABLE: _("The public keys of the client app cannot be used."),
        Code.NO_SIGNING_KEY: _("Among the keys is none with which the client app could sign what it sends."),
        Code.NO_ENCRYPTION_KEY: _("Among the keys is none to which the answer could be encrypted."),
        Code.SECTOR: _("The list of redirect addresses of the sector does not fit."),
        Code.LOGOUT_UNREACHABLE: _("Nobody answers at the address that is told of logouts."),
        Code.NO_OFFLINE_SCOPE: _("The app may refresh tokens but may not ask for offline_access: it never gets one."),
        Code.NO_REFRESH_GRANT: _("The app may ask for offline_access but may not refresh tokens: it never gets one."),
        Code.NO_API_SCOPE: _("The app acts in its own name, but has no scope of an interface such as invoices:read."),
        Code.NO_RESOURCES: _("The app receives tokens, but has no address (resource_uris) for which one is made."),
        Code.TOKENS_BY_BROWSER: _("Access tokens come by the browser, where they can leak. Use response type code."),
        Code.WITHOUT_PKCE: _("PKCE is not required. A stolen code would be good for somebody else."),
        Code.TWO_SECRETS: _("The previous secret is good as well until"),
        Code.NO_WAY_BACK: _("Without a front page nobody who opens a mailed link in another browser finds back."),
        Code.NO_LOGOUT_ADDRESS: _("There is no address to return to after logging out."),
        Code.NO_LOGOUT_NOTICE: _("The app is not told when somebody logs out elsewhere."),
        Code.NO_NAME_IN: _("The app has no name in this language"),
        Code.FOREIGN_LOGO: _("The logo comes from another server, which so learns who logs in. Upload it here."),
    }[code]  # fmt: skip
