"""Why a client's metadata or its hosts are no good, in words of the person's language.

The domain and outbound.py write English, which programs and the log get; each sentence of theirs has a pattern here.
Those of dynamic.py have none: only programs meet them.
"""

import re
from collections.abc import Callable

from flask_babel import gettext as _

from idp.admin.client_fields import label

_Text = Callable[[re.Match[str]], str]


def in_words(reason: str) -> str:
    """A reason in the language of the page; as it is where there is no translation."""
    return _words(reason) or reason


def about_in_words(about: str) -> str:
    """The same of "setting: reason" or "address: reason", with the setting by its name."""
    for colon in re.finditer(": ", about):
        if words := _words(about[colon.end() :]):
            return f"{label(about[: colon.start()])}: {words}"
    return in_words(about)


def _words(reason: str) -> str | None:
    for pattern, text in (*_of_hosts(), *_of_keys(), *_of_metadata()):
        if found := re.fullmatch(pattern, reason, re.DOTALL):
            return text(found)
    return None


def _of_hosts() -> list[tuple[str, _Text]]:
    """Of outbound.py; some name the host first."""
    return [
        (r"(?:\S+: )?not https", lambda _m: _https()),
        (r"\S+: unknown name", lambda _m: _("There is no host of that name.")),
        (
            r"(?:\S+: )?(?:no answer in time|no complete answer in time|the name was not found in time)",
            lambda _m: _("No answer came in time."),
        ),
        (r"(?:\S+: )?not reached|no HTTP answer: .*", lambda _m: _("Nobody answers there.")),
        (
            r"(?:\S+: )?has an address that is not public",
            lambda _m: _("The host has no public address, so we do not ask it."),
        ),
        (
            r"TLS failed: (.*)",
            lambda m: _(
                "The server's certificate or encryption is not accepted (%(problem)s).", problem=m[1]
            ),
        ),
        (r"status (\d+)", lambda m: _("The server answers with the status %(number)s.", number=m[1])),
        (
            r"the answer is (?:of no media type|encoded, .*)",
            lambda _m: _("The answer is of another kind than it should be."),
        ),
        (
            r"the answer is (.+)",
            lambda m: _("The answer is of another kind than it should be (%(kind)s).", kind=m[1]),
        ),
        (
            r"more than (\d+) bytes",
            lambda m: _("The answer is longer than %(number)s bytes.", number=m[1]),
        ),
        (r"credentials in the address", lambda _m: _without_password()),
        (r"not an address that can be asked", lambda _m: _whole_address()),
    ]


def _of_keys() -> list[tuple[str, _Text]]:
    return [
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
        (r".+ needs the client's public keys", lambda _m: _("The app's public keys are needed for that.")),
        (r"not together with jwks_uri", lambda _m: _("Give either the keys or their address, not both.")),
        (
            r"RSA keys need at least (\d+) bits and at most (\d+)",
            lambda m: _("An RSA key must have from %(least)s to %(most)s bits.", least=m[1], most=m[2]),
        ),
        (
            r"keys must be of kty RSA, EC or OKP",
            lambda _m: _("The keys must be of the type (kty) RSA, EC or OKP."),
        ),
        (r"kid must be a text", lambda _m: _("The identifier of a key (kid) must be a text.")),
        (r"more than (\d+) keys", lambda m: _("There may be at most %(number)s keys.", number=m[1])),
    ]


def _of_metadata() -> list[tuple[str, _Text]]:
    return [
        (r"must be https|must be an https address", lambda _m: _https()),
        (
            r"(.+) is not an e-mail address",
            lambda m: _("%(text)s is not an email address.", text=m[1]),
        ),
        (r"must have no fragment", lambda _m: _("Leave out # and what follows it.")),
        (
            r"not an address|not a host name|Port .*|netloc .*|Invalid IPv6 URL|IPvFuture .*|An IPv4 address .*",
            lambda _m: _whole_address(),
        ),
        (
            r".* does not appear to be an IPv4 or IPv6 address",  # in brackets
            lambda _m: _whole_address(),
        ),
        (r"must have no user information", lambda _m: _without_password()),
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
            r".+ is not a colour such as .+",
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
        (
            r"must be https, not localhost, for the grant type implicit",
            lambda _m: _(
                "Tokens that come by the browser need an address that begins with https:// and is not localhost."
            ),
        ),
        (
            r"a scheme of an app's own has one slash and no host",
            lambda _m: _(
                "An address with a scheme of the app's own has one slash and no host,"
                " for example fi.example.app:/callback."
            ),
        ),
        (
            r"those of the grant type implicit must be named",
            lambda _m: _("Choose which of these are used with implicit."),
        ),
        (
            r"for (\S+) one of (.+)",
            lambda m: _("With %(method)s, choose one of these: %(values)s.", method=m[1], values=m[2]),
        ),
        (
            r"(?:must be one of|only) (.+)",
            lambda m: _("Choose only from these: %(values)s.", values=m[1]),
        ),
        (
            r"must be at most (\d+), each once",
            lambda m: _("Write at most %(number)s, each only once.", number=m[1]),
        ),
        (
            r"must answer with a JSON array of redirect URIs",
            lambda _m: _("The address must answer with a JSON list of redirect URIs."),
        ),
        (
            r"not an? (?:member|option) that this provider knows",
            lambda _m: _("This installation does not know this setting."),
        ),
        (
            r"not a \S+ as it should be|must be (?:a text|a list of texts|true or false)",
            lambda _m: _("This value is of the wrong kind."),
        ),
        (
            r"holds (?:what JSON cannot say|a NUL character or is too long)",
            lambda _m: _("This has characters that cannot be stored, or is too long."),
        ),
        (
            r"must be the SHA-256 of a stored picture",
            lambda _m: _("There is no such picture. Upload it again."),
        ),
    ]


def _https() -> str:
    return _("The address must begin with https://.")


def _whole_address() -> str:
    return _("Write the whole address, for example https://www.example.com/callback.")


def _without_password() -> str:
    return _("Leave out the name and the password before the @.")
