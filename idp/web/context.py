"""What every template knows: site, language, links, person, the e-service that asks."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, current_app, g, has_request_context, request
from flask_babel import gettext as _
from flask_babel import ngettext

from idp.accounts.rules import rules
from idp.clients.registry import Client
from idp.policy.passwords import PRINTED_SPECIAL_CHARACTERS, Rule, RuleKind
from idp.policy.usernames import is_email_address
from idp.settings import project_folder
from idp.texts import LANGUAGE_NAMES, language, localized
from idp.web import client_theme, guide, visitors
from idp.web.addresses import starting_login

ASSETS = project_folder("templates") / "assets"


@dataclass(frozen=True)
class SiteView:
    name: str
    service: str
    other_account: str | None
    logo_url: str | None
    contact_email: str
    contact_phone: str | None
    theme_url: str | None
    colour: str | None  # for mails, which read no stylesheet
    on_colour: str | None


@dataclass(frozen=True)
class LanguageView:
    code: str
    label: str
    url: str
    current: bool


@dataclass(frozen=True)
class PersonView:
    display_name: str


@dataclass(frozen=True)
class ClientView:
    """An e-service in the page's language."""

    name: str
    logo_uri: str | None
    client_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    support_email: str | None
    support_phone: str | None
    theme_url: str | None
    return_url: str | None  # starts a login there anew (OpenID Connect Core 4), or its front page

    @classmethod
    def of(cls, client: Client) -> "ClientView":
        code = language()
        initiate = client.initiate_login_uri
        # What an earlier version has registered may be no address.
        contacts = filter(is_email_address, client.registration.get("contacts") or ())
        return cls(
            name=client.text("client_name", code) or client.client_id,
            logo_uri=client_theme.logo_url(client, code),
            client_uri=client.text("client_uri", code),
            policy_uri=client.text("policy_uri", code),
            tos_uri=client.text("tos_uri", code),
            support_email=client.options.support_email or next(contacts, None),
            support_phone=client.options.support_phone,
            theme_url=client_theme.stylesheet_url(client),
            return_url=starting_login(initiate) if initiate else client.client_uri,
        )


@dataclass(frozen=True)
class RuleView:
    kind: str
    minimum: int
    text: str


def site_view() -> SiteView:
    site = rules().settings.site
    return SiteView(
        name=localized(site.name),
        service=localized(site.service),
        other_account=localized(site.other_account) or None,
        logo_url=site.logo_url or None,
        contact_email=site.contact_email,
        contact_phone=site.contact_phone or None,
        theme_url=current_app.extensions["theme_url"],
        colour=site.theme.colour or None,
        on_colour=site.theme.on_colour or None,
    )


def password_rules() -> list[RuleView]:
    """The requirements on the page, made from the policy, so that rule and text cannot part (R-19)."""
    return [RuleView(rule.kind.value, rule.minimum, _rule_text(rule)) for rule in rules().passwords.rules]


def _rule_text(rule: Rule) -> str:
    match rule.kind:
        case RuleKind.LENGTH:
            return ngettext("at least %(num)d character", "at least %(num)d characters", rule.minimum)
        case RuleKind.LOWER:
            return _("at least one lowercase letter")
        case RuleKind.UPPER:
            return _("at least one uppercase letter")
        case RuleKind.DIGIT:
            return _("at least one digit")
        case RuleKind.SPECIAL:
            return _("at least one special character (%(chars)s)", chars=PRINTED_SPECIAL_CHARACTERS)


def _links() -> dict[str, str | None]:
    """Ready-made addresses; those of the login journey keep the pending request."""
    pending = g.get("request_id")
    belongs_to = pending or g.get("request_over")
    query = f"?{urlencode({'request': belongs_to})}" if belongs_to else ""
    return {
        "login": f"/login{query if pending else ''}",
        "create_account": f"/create-account{query}",
        "forgot": f"/forgot{query}",
        "account": "/account",
        "logout": "/logout",
        **_guide_links(),
        "terms": "/terms",
        "privacy": "/privacy",
        "accessibility": "/accessibility",
        "cookies": "/cookies",
        "feedback": f"/feedback{query}",
    }


def _guide_links() -> dict[str, str | None]:
    """The login guide: `help` is a page, or the municipality's own guide; `guide` is a PDF, where there is one."""
    own = rules().settings.site.help_url[language()]
    if not own:
        return {"help": "/help", "guide": guide.address(language())}
    return {"help": own, "guide": own if urlsplit(own).path.lower().endswith(".pdf") else None}


def _languages() -> list[LanguageView]:
    """The language links; none on an answer to a form, which a link could not ask for again."""
    if request.method == "POST":
        return []
    current = language()
    views = []
    for code in rules().settings.site.languages:
        arguments = {**request.args.to_dict(), "lang": code}
        views.append(
            LanguageView(
                code,
                LANGUAGE_NAMES.get(code, code),
                f"{request.path}?{urlencode(arguments)}",
                code == current,
            )
        )
    return views


def _context() -> dict[str, Any]:
    if not has_request_context():  # a mail, or a message made by the command line
        return {"site": site_view(), "asset": asset}
    person = visitors.current_session()
    client = g.get("client")
    return {
        "site": site_view(),
        "asset": asset,
        "locale": language(),
        "languages": _languages(),
        "links": _links(),
        "person": PersonView(person.display_name) if person else None,
        "client": ClientView.of(client) if client else None,
        "request_over": "request_over" in g,
        "password_rules": password_rules(),
    }


@lru_cache(maxsize=64)
def asset(name: str) -> str:
    """The address of a static file, which changes with its content: browsers may keep it for ever."""
    digest = hashlib.sha256(Path(ASSETS / name).read_bytes()).hexdigest()[:12]
    return f"/assets/{name}?v={digest}"


def init_app(app: Flask) -> None:
    app.context_processor(_context)
