"""The words of client apps' settings: what each member of the metadata and each option is for, and its values."""

from collections.abc import Mapping

from flask_babel import gettext as _

from idp.clients.metadata import DEVICE_CODE
from idp.clients.presets import Kind
from idp.web.fields import lazy

TEXTS: Mapping[str, tuple[str, str]] = {
    # technical name: label, explanation
    "client_name": (lazy("Name"), lazy("What people see when they log in.")),
    "contacts": (
        lazy("Contacts"),
        lazy(
            "Email addresses of those who look after the app, one per line. People who need help see the first one."
        ),
    ),
    "support_email": (
        lazy("Support email"),
        lazy("People who need help see this address instead of the first contact."),
    ),
    "support_phone": (lazy("Support phone"), lazy("People who need help see this number.")),
    "software_id": (
        lazy("Software identifier"),
        lazy(
            "Tells which software this is, if the same software is registered several times. Nobody checks it."
        ),
    ),
    "software_version": (lazy("Software version"), lazy("For your own records. Nobody checks it.")),
    "client_uri": (lazy("Front page"), lazy("Where people get back to the app.")),
    "policy_uri": (
        lazy("Privacy notice"),
        lazy("Linked where people log in to the app and where they are asked for permission."),
    ),
    "tos_uri": (
        lazy("Terms of use"),
        lazy("Linked where people log in to the app and where they are asked for permission."),
    ),
    "logo_uri": (
        lazy("Address of a logo"),
        lazy("A picture at the app's own site. A logo that has been uploaded here is shown instead of it."),
    ),
    "redirect_uris": (
        lazy("Redirect URIs"),
        lazy("Where a login returns to, one address per line. The app must use one of them to the letter."),
    ),
    "application_type": (
        lazy("Where the app runs"),
        lazy("An installed app may also use addresses of its own, such as fi.example.app:/callback."),
    ),
    "initiate_login_uri": (
        lazy("Address that starts a login"),
        lazy(
            "An address of the app that leads people to log in. Pages here link to it, for example after activation."
        ),
    ),
    "token_endpoint_auth_method": (
        lazy("How the app proves who it is"),
        lazy("If you choose a method that needs another secret, you see the new secret once after saving."),
    ),
    "token_endpoint_auth_signing_alg": (
        lazy("Signature of that proof"),
        lazy("Only for the two methods that sign."),
    ),
    "grant_types": (lazy("How the app gets tokens"), lazy("Choose only what the app needs.")),
    "response_types": (
        lazy("What a login answers with"),
        lazy("New apps need only the code. Tokens that come through the browser can leak there."),
    ),
    "pkce_required": (
        lazy("PKCE is required"),
        lazy("Protects the code against theft. Leave it out only for an old app that cannot do it."),
    ),
    "require_pushed_authorization_requests": (
        lazy("Only pushed requests"),
        lazy("The app must send its login request from server to server first (PAR)."),
    ),
    "scope": (
        lazy("What the app may get"),
        lazy("The app gets no more than this, even if it asks for more."),
    ),
    "first_party": (
        lazy("The municipality's own service: people are not asked for permission"),
        lazy(
            "Anybody else's app must ask each person before it gets their details. The answer is remembered until "
            "the person withdraws it, and asked for again only when the app wants more."
        ),
    ),
    "consent_each_time": (
        lazy("Permission is asked for at every login"),
        lazy("An answer from before is not enough. Has no effect on the municipality's own services."),
    ),
    "subject_type": (
        lazy("Identifier of people"),
        lazy(
            "Changing this gives the app other identifiers than before for the same people, and ends its logins"
            " and permissions. If it has identifiers of its own, another host in its addresses does so too."
        ),
    ),
    "sector_identifier_uri": (
        lazy("List of redirect URIs"),
        lazy(
            "Address of a JSON list of the redirect URIs, if identifiers of its own are for apps at several hosts."
        ),
    ),
    "identity_code_basis": (
        lazy("Legal basis for personal identity codes"),
        lazy("The law that lets the app process people's identity codes. Empty: the app never gets them."),
    ),
    "jwks": (
        lazy("Public keys"),
        lazy("The app's keys as a JSON Web Key Set. Never paste a private key."),
    ),
    "jwks_uri": (
        lazy("Address of the public keys"),
        lazy("Where the app publishes its keys. It can change them by itself. Give either this or the keys."),
    ),
    "request_uris": (
        lazy("Addresses of request objects"),
        lazy("Where the app keeps signed login requests for us to fetch, one per line. Rarely needed."),
    ),
    "request_object_signing_alg": (
        lazy("Signature of request objects"),
        lazy("How the app signs its login requests."),
    ),
    "require_signed_request_object": (
        lazy("Only signed requests"),
        lazy("Login requests that the app has not signed are refused."),
    ),
    "id_token_signed_response_alg": (
        lazy("Signature of ID tokens"),
        lazy("Every library can check RS256."),
    ),
    "id_token_encrypted_response_alg": (
        lazy("Encryption of ID tokens: key"),
        lazy("Encrypted with the app's public key."),
    ),
    "id_token_encrypted_response_enc": (
        lazy("Encryption of ID tokens: content"),
        lazy("Only together with the one above."),
    ),
    "userinfo_signed_response_alg": (
        lazy("Signature of userinfo"),
        lazy("Most libraries expect unsigned JSON."),
    ),
    "userinfo_encrypted_response_alg": (
        lazy("Encryption of userinfo: key"),
        lazy("Encrypted with the app's public key."),
    ),
    "userinfo_encrypted_response_enc": (
        lazy("Encryption of userinfo: content"),
        lazy("Only together with the one above."),
    ),
    "post_logout_redirect_uris": (
        lazy("Addresses after logout"),
        lazy("Where people may come back to after they have logged out, one address per line."),
    ),
    "backchannel_logout_uri": (
        lazy("Logout notice, server to server"),
        lazy("We tell this address at once when somebody logs out elsewhere. The more reliable way."),
    ),
    "backchannel_logout_session_required": (
        lazy("The notice must name the session"),
        lazy("For apps that cannot end all sessions of a person."),
    ),
    "frontchannel_logout_uri": (
        lazy("Logout notice through the browser"),
        lazy(
            "A page that the browser opens unseen at logout. Browsers that block other sites' cookies prevent it."
        ),
    ),
    "frontchannel_logout_session_required": (
        lazy("The page must be told the session"),
        lazy("For apps that cannot tell from their cookie whose session it is."),
    ),
    "access_token_seconds": (
        lazy("Access token (seconds)"),
        lazy("From 30 to 3600. A short life limits the harm of a leaked token."),
    ),
    "id_token_seconds": (
        lazy("ID token (seconds)"),
        lazy("From 30 to 3600. It is needed only during the login."),
    ),
    "refresh_idle_days": (
        lazy("Refresh token: unused (days)"),
        lazy("From 1 to 365. If it is not used for so long, the person has to log in again."),
    ),
    "refresh_absolute_days": (
        lazy("Refresh token: at most (days)"),
        lazy("From 1 to 730. After this the person has to log in again in any case."),
    ),
    "default_max_age": (
        lazy("How old a login may be (seconds)"),
        lazy("If the person logged in longer ago than this, the password is asked for again. 0: every time."),
    ),
    "session_max_age_seconds": (
        lazy("How old a login may be at most (seconds)"),
        lazy(
            "From 60 to 31536000. If the person logged in longer ago, the password is asked for again, whatever the "
            "app asks for."
        ),
    ),
    "remembered_login_counts": (
        lazy("A remembered login is enough"),
        lazy(
            "If not, people who chose to be remembered log in again for this app as often as everybody else."
        ),
    ),
    "require_auth_time": (
        lazy("The ID token tells the time of the login"),
        lazy("For apps that check how long ago the person logged in."),
    ),
    "default_acr_values": (
        lazy("Levels of authentication"),
        lazy("What the app asks for when its request does not say, one per line, the best first."),
    ),
    "registration_assurance": (
        lazy("Strong authentication before an account is created"),
        lazy(
            "Whether people must identify themselves before creating an account in this app."
            " Who has an account made elsewhere, or by you, identifies themselves at the first login to the app."
        ),
    ),
    "colour": (
        lazy("Colour"),
        lazy(
            "Of buttons and links on the pages for this app, such as #0a4d78. White text must be readable on it."
        ),
    ),
    "colour_dark": (
        lazy("Colour in dark mode"),
        lazy("For people whose device shows dark pages, such as #9cd0f5. Dark text must be readable on it."),
    ),
    "logo": (
        lazy("Logo of the app"),
        lazy("A PNG, JPEG or WebP picture of at most 200 kB. It is shown on the pages for this app."),
    ),
    "allowed_resources": (
        lazy("APIs that the app may call"),
        lazy(
            "Addresses of APIs for which the app may have access tokens, one per line. Empty: only for its own."
        ),
    ),
    "resource_server": (
        lazy("May ask about access tokens"),
        lazy(
            "The app is an API that receives access tokens and asks us whether they are good (introspection)."
        ),
    ),
    "resource_uris": (
        lazy("Addresses of the API"),
        lazy("Access tokens can be made for these addresses, one per line (resource indicators)."),
    ),
}


def kind_texts() -> dict[Kind, tuple[str, str]]:
    """What each kind of app is called, and how to know it."""
    return {
        Kind.WEB: (
            _("Web app"),
            _("Runs on a server of its own and can keep a secret there. If unsure, choose this."),
        ),
        Kind.SPA: (
            _("Single-page app"),
            _("Runs in the browser alone, and everybody can read its code: it has no secret."),
        ),
        Kind.MOBILE: (_("Mobile app"), _("Is installed on a phone or a computer. It has no secret.")),
        Kind.MACHINE: (
            _("Machine-to-machine"),
            _("A program that calls an API in its own name. Nobody logs in."),
        ),
        Kind.HYBRID: (
            _("Older app (hybrid flow)"),
            _(
                'Asks for "code id_token" with form_post and cannot do PKCE. Only for software that you cannot change.'
            ),
        ),
    }


def choice_texts(name: str) -> dict[str, str]:
    """Words for the values of a member; a value that needs none is missing."""
    return {
        "application_type": {
            "web": _("On a web server or in the browser"),
            "native": _("Installed on a device"),
        },
        "token_endpoint_auth_method": {
            "client_secret_basic": _("Secret, in the header (the usual way)"),
            "client_secret_post": _("Secret, in the form"),
            "client_secret_jwt": _("Signs with the secret"),
            "private_key_jwt": _("Signs with a key of its own (the strongest way)"),
            "none": _("Nothing: the app cannot keep a secret (public)"),
        },
        "grant_types": {
            "authorization_code": _("People log in (the usual way)"),
            "implicit": _("Tokens through the browser (older apps)"),
            "refresh_token": _("Renews them without the person"),
            "client_credentials": _("In its own name, without a person"),
            DEVICE_CODE: _("On a device without a keyboard, by a code"),
        },
        "response_types": {"code": _("The code (the usual way)")},
        "subject_type": {
            "public": _("The same in every app"),
            "pairwise": _("Different in each app, so that apps cannot compare them"),
        },
        "registration_assurance": {"none": _("Not needed"), "strong": _("Needed")},
        "scope": {
            "openid": _("Who logs in"),
            "profile": _("Name"),
            "email": _("Email address"),
            "address": _("Street address"),
            "phone": _("Phone number"),
            "offline_access": _("Access also when the person is away (refresh tokens)"),
        },
    }.get(name, {})


def empty_text(name: str) -> str:
    """What it means that a choice has no value."""
    return {
        "application_type": choice_texts(name).get("web", ""),
        "token_endpoint_auth_method": choice_texts(name).get("client_secret_basic", ""),
        "subject_type": choice_texts(name).get("public", ""),
        "id_token_signed_response_alg": _("As usual (RS256)"),
        "userinfo_signed_response_alg": _("Not signed"),
        "id_token_encrypted_response_alg": _("Not encrypted"),
        "userinfo_encrypted_response_alg": _("Not encrypted"),
        "id_token_encrypted_response_enc": _("As usual (A128CBC-HS256)"),
        "userinfo_encrypted_response_enc": _("As usual (A128CBC-HS256)"),
        "registration_assurance": _("As the installation has it"),
    }.get(name) or _("Any that fits")
