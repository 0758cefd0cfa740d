"""What the domain says of a client's metadata, put at the field it is about and in words of the person's language.

The domain writes English: "member: reason", or "address: reason" for a redirect URI. Reasons that people meet are
translated here; others stay as they are.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from idp.admin.client_fields import GROUPS, NAMES, group_of, label
from idp.admin.client_forms import Input
from idp.clients.metadata import InvalidClientMetadata, InvalidRedirectUri

_ADDRESSES = ("redirect_uris", "post_logout_redirect_uris")


@dataclass(frozen=True)
class Problem:
    """`member`: None for what is not about one. `value`: the one of several that is wrong."""

    member: str | None
    reason: str
    value: str | None = None


def problem_of(error: InvalidClientMetadata, typed: Mapping[str, Any]) -> Problem:
    """What is wrong; `typed` is what was wanted, to find the address that an error names."""
    text = str(error)
    member, colon, reason = text.partition(": ")
    if colon and member.partition("#")[0] in NAMES:
        return Problem(member, reason)
    if isinstance(error, InvalidRedirectUri):
        for name in _ADDRESSES:
            for uri in typed.get(name) or ():
                for start in (f"{uri}: ", f"{uri!r}: "):
                    if text.startswith(start):
                        return Problem(name, text.removeprefix(start), uri)
    return Problem(None, text)


def show(form: Any, asked: Sequence[Input], problem: Problem) -> None:
    """The problem at its field; where the form does not have that field, as an error of the whole form."""
    sentence = in_words(problem.reason)
    if problem.member == "support_email":  # the library that judges it tells details that help nobody
        sentence = _("Enter the email address in the form name@example.com.")
    if problem.value is not None:
        sentence = f"{problem.value}: {sentence}"
    for each in asked:
        if each.member == problem.member:
            form[each.field].errors = [sentence]
            return
    if problem.member is None:
        form.refuse(sentence)
        return
    name = problem.member.partition("#")[0]
    group = group_of(problem.member)
    form.refuse(
        _(
            "This does not fit with “%(field)s” (%(page)s): %(problem)s",
            field=label(name),
            page=GROUPS[group].title if group else name,
            problem=sentence,
        )
    )


def in_words(reason: str) -> str:
    """A reason in the language of the page; English where there is no translation."""
    for pattern, text in _reasons():
        if found := pattern.fullmatch(reason):
            return text(found)
    return reason


_Text = Callable[[re.Match[str]], str]


def _reasons() -> list[tuple[re.Pattern[str], _Text]]:
    https = _("The address must begin with https://.")
    keys = _("The app's public keys are needed for that.")
    several: list[tuple[str, _Text]] = [
        (r"must be https|must be an https address", lambda _m: https),
        (
            r"(.+) is not an e-mail address",
            lambda m: _("%(text)s is not an email address.", text=m[1]),
        ),
        (r"must have no fragment", lambda _m: _("Leave out # and what follows it.")),
        (
            r"not an address|not a host name|Port .*|Invalid IPv6 URL|.*netloc.*",
            lambda _m: _("Write the whole address, for example https://www.example.com/callback."),
        ),
        (r"must have no user information", lambda _m: _("Leave out the name and the password before the @.")),
        (
            r"this scheme is not allowed",
            lambda _m: _("Addresses of this kind are dangerous and not allowed."),
        ),
        (r"at least one is needed", lambda _m: _("Write at least one address.")),
        (
            r"needs a broker, and .*",
            lambda _m: _("This installation has no identification service (upstream.issuer)."),
        ),
        (r"residents must see .*", lambda _m: _("Enter a name.")),
        (
            r"must be a name of at most (\d+) visible characters",
            lambda m: _("Use one line of at most %(number)s characters that can be seen.", number=m[1]),
        ),
        (
            r"must be a whole number from (\d+) to (\d+)",
            lambda m: _("Enter a whole number from %(least)s to %(most)s.", least=m[1], most=m[2]),
        ),
        (
            r"must be a phone number",
            lambda _m: _("Enter the phone number with digits, for example 040 123 4567."),
        ),
        (
            r"must be one line of at most (\d+) characters",
            lambda m: _("Write one line of at most %(number)s characters.", number=m[1]),
        ),
        (
            r"(\S+) cannot be read: its contrast is ([\d.]+), ([\d.]+) is needed",
            lambda m: _(
                "Text in this colour or on it is hard to read: the contrast is %(ratio)s, needed is %(needed)s.",
                ratio=m[2],
                needed=m[3],
            ),
        ),
        (
            r".*is not a colour.*|.*#rgb.*",
            lambda _m: _("Write the colour as # and six digits or letters from a to f, for example #0a4d78."),
        ),
        (
            r"must be at most (\d+) kB",
            lambda m: _("Choose a smaller picture, at most %(number)s kB.", number=m[1]),
        ),
        (r"nothing was chosen", lambda _m: _("Choose a picture.")),
        (r"must be a PNG, JPEG or WebP picture", lambda _m: _("Choose a PNG, JPEG or WebP picture.")),
        (r"unknown (.+)", lambda m: _("There is no %(name)s. Check the spelling.", name=m[1])),
        (
            r"(.+) needs the grant type (\S+)",
            lambda m: _(
                "%(value)s works only if the app gets tokens in the way %(grant)s.", value=m[1], grant=m[2]
            ),
        ),
        (r".+ needs the client's public keys", lambda _m: keys),
        (r"not together with jwks_uri", lambda _m: _("Give either the keys or their address, not both.")),
        (
            r"must have scheme, host and port of a redirect URI",
            lambda _m: _("The address must be at the same host and port as a redirect URI."),
        ),
        (
            r"pairwise subjects .*",
            lambda _m: _(
                "Identifiers of its own need this list, since the redirect URIs are at several hosts."
            ),
        ),
        (r"cannot be fetched", lambda _m: _("The address does not answer.")),
        (r"(\S+) is not listed there", lambda m: _("The list there lacks %(address)s.", address=m[1])),
        (
            r"must not exceed refresh_absolute_days",
            lambda _m: _("This must not be longer than the longest life of the token."),
        ),
        (r"not without (\S+)", lambda m: _("Choose %(field)s too.", field=label(m[1]))),
        (
            r"client_credentials needs client authentication",
            lambda _m: _("An app that acts in its own name must prove who it is."),
        ),
        (
            r"holds a private key; .*",
            lambda _m: _(
                "This holds a private key. Keep it secret, make a new one, and paste the public keys only."
            ),
        ),
        (
            r"not a JWK Set.*|no key that can be used",
            lambda _m: _("There is no key in this that can be used."),
        ),
        (
            r"no API has the address (\S+)",
            lambda m: _(
                "There is no API with the address %(address)s. Register the API first.", address=m[1]
            ),
        ),
        (
            r"another API has the address (\S+)",
            lambda m: _("Another API has the address %(address)s already.", address=m[1]),
        ),
        (
            r"must be absolute addresses or urn:",
            lambda _m: _("Write whole addresses, for example https://api.example.com/."),
        ),
    ]
    return [(re.compile(pattern, re.DOTALL), text) for pattern, text in several]
