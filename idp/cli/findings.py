"""What is found at a client app (idp/clients/checking.py), in words for the operator."""

from collections.abc import Mapping

from idp.clients.checking import Code

_SENTENCES: Mapping[Code, str] = {
    Code.DISABLED: "it is disabled: nobody can log in",
    Code.NOT_VALID: "it breaks a rule that is in force now; a change would be refused",
    Code.PLAIN_HTTP: "an address is http: logins could be read on their way",
    Code.LOOPBACK: "an address is the visitor's own machine: for development alone",
    Code.HOST_UNKNOWN: "the host of an address cannot be found from here",
    Code.KEYS_UNREACHABLE: "its public keys cannot be fetched",
    Code.KEYS_UNUSABLE: "its public keys cannot be used",
    Code.NO_SIGNING_KEY: "among its keys is none with which it could sign",
    Code.NO_ENCRYPTION_KEY: "among its keys is none to which an answer could be encrypted",
    Code.SECTOR: "the list of redirect URIs of its sector does not fit",
    Code.LOGOUT_UNREACHABLE: "nobody answers at its address for logouts",
    Code.NO_OPENID: "it may not have the scope openid: logins give it no ID token",
    Code.UNKNOWN_ACR: "a level in default_acr_values cannot be had here: it is passed over",
    Code.LIFETIME_CUT: "a lifetime is longer than another limit lets it be: it is cut",
    Code.NO_OFFLINE_SCOPE: "it has the grant refresh_token and not the scope offline_access: it never gets one",
    Code.NO_REFRESH_GRANT: "it has the scope offline_access and not the grant refresh_token: it never gets one",
    Code.NO_API_SCOPE: "it acts in its own name, without a scope such as invoices:read",
    Code.NO_API: "it acts in its own name, and no API accepts its tokens: list those that it calls (allowed_resources)",
    Code.NO_RESOURCES: "it receives tokens, without an address (resource_uris) for which one is made",
    Code.API_GONE: "an API in allowed_resources is not registered, or disabled: no token is made for it",
    Code.SHARED_RESOURCE: "another API has the same address (resource_uris): a token for one is good at both",
    Code.NO_BROKER: "registration_assurance asks for strongly identified people, and upstream.issuer names no broker",
    Code.TOKENS_BY_BROWSER: "access tokens come by the browser, where they can leak",
    Code.WITHOUT_PKCE: "PKCE is not required: a stolen code would be good for somebody else",
    Code.TWO_SECRETS: "the previous secret is good as well, until",
    Code.NO_WAY_BACK: "without client_uri or initiate_login_uri, nobody who opens a mailed link elsewhere finds back",
    Code.NO_LOGOUT_ADDRESS: "it has no address to return to after logging out",
    Code.NO_LOGOUT_NOTICE: "it is not told when somebody logs out elsewhere",
    Code.NO_NAME_IN: "it has no name in the language",
    Code.FOREIGN_LOGO: "its logo comes from another server, which learns who logs in; --logo uploads it here",
}


def sentence(code: Code) -> str:
    return _SENTENCES.get(code, code.value)
