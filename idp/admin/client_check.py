"""What will fail at a client app, in words."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response
from flask_babel import format_datetime
from flask_babel import gettext as _

from idp.admin import admin, shared
from idp.admin.client_fields import label
from idp.admin.client_reasons import about_in_words
from idp.admin.clients import of
from idp.clients import checking, managed
from idp.clients.checking import Code, Finding, Level
from idp.texts import LANGUAGE_NAMES
from idp.web import visitors
from idp.web.forms import EmptyForm
from idp.web.limits import limiter, setting

_REASONS = {
    *(Code.NOT_VALID, Code.SECTOR, Code.LOGOUT_UNREACHABLE),
    *(Code.KEYS_UNREACHABLE, Code.KEYS_UNUSABLE),
}
"""Those that are about a reason."""


@dataclass(frozen=True)
class FindingView:
    """`about` is a value as it stands in the registration, or a reason in words."""

    text: str
    about: str


def _who() -> str:
    session = visitors.current_session()
    return f"check {session.account_id}" if session else visitors.network()


@admin.route("/clients/<client_id>/check", methods=["GET", "POST"])
@limiter.limit(setting("client_checks_per_account"), key_func=_who, methods=["POST"])
def client_check(client_id: str) -> Response:
    """The button checks, since that sends requests to the app's hosts; the page alone sends none."""
    client = managed.look(client_id, shared.actor())
    form = EmptyForm()
    known = of(client)
    groups = _groups(checking.check(client_id, shared.actor())) if form.validate_on_submit() else None
    return shared.page("client_check", form, **known, groups=groups)


def _groups(found: list[Finding]) -> list[tuple[str, str, list[FindingView]]]:
    """The findings by what they mean: title, tone, and each in words."""
    groups = [
        (title, tone, [_view(finding) for finding in found if finding.level is level])
        for level, title, tone in (
            (Level.ERROR, _("This will fail"), "bad"),
            (Level.WARNING, _("This should be looked at"), "warning"),
            (Level.HINT, _("This can be better"), "quiet"),
        )
    ]
    return [group for group in groups if group[2]]


def _view(finding: Finding) -> FindingView:
    about = finding.about
    if finding.code is Code.NO_NAME_IN:
        about = LANGUAGE_NAMES.get(about, about)
    elif finding.code is Code.TWO_SECRETS:
        about = format_datetime(datetime.fromisoformat(about), "short")
    elif finding.code is Code.LIFETIME_CUT:
        name, _colon, values = about.partition(": ")
        about = f"{label(name)}: {values}"
    elif finding.code in _REASONS:
        about = about_in_words(about)
    return FindingView(_text(finding.code), about)


def _text(code: Code) -> str:
    return {
        Code.DISABLED: _("The client app is disabled: nobody can log in to it."),
        Code.NOT_VALID: _("The registration breaks a rule that is in force now. Saving it would not succeed."),
        Code.PLAIN_HTTP: _("The address begins with http. Logins would be readable on their way; use https."),
        Code.LOOPBACK: _("The address is that of the visitor's own computer. It is good for development alone."),
        Code.HOST_UNKNOWN: _("The host of this address cannot be found. Look for a slip of the pen."),
        Code.KEYS_UNREACHABLE: _("The public keys of the client app cannot be fetched from their address."),
        Code.KEYS_UNUSABLE: _("The public keys of the client app cannot be used."),
        Code.NO_SIGNING_KEY: _("Among the keys is none with which the client app could sign what it sends."),
        Code.NO_ENCRYPTION_KEY: _("Among the keys is none to which the answer could be encrypted."),
        Code.SECTOR: _("The list of redirect addresses of the sector does not fit."),
        Code.LOGOUT_UNREACHABLE: _("Nobody answers at the address that is told of logouts."),
        Code.NO_OPENID: _("The app may not ask for openid: people log in, but the app gets no ID token."),
        Code.UNKNOWN_ACR: _("This level of authentication does not exist here, so the app does not get it."),
        Code.LIFETIME_CUT: _("A lifetime is longer than another limit allows. It is cut to that limit."),
        Code.NO_OFFLINE_SCOPE: _("The app may refresh tokens but may not ask for offline_access: it never gets one."),
        Code.NO_REFRESH_GRANT: _("The app may ask for offline_access but may not refresh tokens: it never gets one."),
        Code.NO_API_SCOPE: _("The app acts in its own name, but has no scope of an interface such as invoices:read."),
        Code.NO_API: _("The app acts in its own name, but no API is listed that it may call. None accepts its tokens."),
        Code.NO_RESOURCES: _("The app receives tokens, but has no address (resource_uris) for which one is made."),
        Code.API_GONE: _("An API that the app may call is no longer registered or enabled: no token is made for it."),
        Code.SHARED_RESOURCE: _("Another API has the same address. A token for one would be good at both."),
        Code.NO_BROKER: _("The app is for strongly identified people alone, but no identification service is in use."),
        Code.TOKENS_BY_BROWSER: _("Access tokens come by the browser, where they can leak. Use response type code."),
        Code.WITHOUT_PKCE: _("PKCE is not required. A stolen code would be good for somebody else."),
        Code.TWO_SECRETS: _("The previous secret is good as well until"),
        Code.NO_WAY_BACK: _("Without a front page nobody who opens a mailed link in another browser finds back."),
        Code.NO_LOGOUT_ADDRESS: _("There is no address to return to after logging out."),
        Code.NO_LOGOUT_NOTICE: _("The app is not told when somebody logs out elsewhere."),
        Code.NO_NAME_IN: _("The app has no name in this language"),
        Code.FOREIGN_LOGO: _("The logo comes from another server, which so learns who logs in. Upload it here."),
    }[code]  # fmt: skip
