"""How an answer travels to the client: in the query, in the fragment, or as a form that the browser posts.

OAuth 2.0 Multiple Response Type Encoding Practices; OAuth 2.0 Form Post Response Mode.
"""

from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from flask import Response, make_response, render_template

from idp.oidc.redirects import with_parameters
from idp.web import headers

QUERY, FRAGMENT, FORM_POST = "query", "fragment", "form_post"
MODES = (QUERY, FRAGMENT, FORM_POST)


def default_mode(response_type: str) -> str:
    """The query for a code alone, the fragment as soon as a token comes along: servers and logs never see that."""
    return FRAGMENT if {"id_token", "token"} & set(response_type.split()) else QUERY


def mode_of(response_type: str, wanted: str | None, redirect_uri: str) -> str:
    """The mode of an answer, also of one that says what is wrong with the request: a mode that may be used."""
    if wanted in MODES and may_carry(wanted, response_type, redirect_uri):
        return wanted
    return default_mode(response_type)


def may_carry(mode: str, response_type: str, redirect_uri: str) -> bool:
    """Tokens never travel in a query; a form is posted to web addresses only, not to the scheme of an app."""
    if mode == QUERY:
        return default_mode(response_type) == QUERY
    return mode == FRAGMENT or urlsplit(redirect_uri).scheme in {"http", "https"}


def answer(mode: str, redirect_uri: str, parameters: Sequence[tuple[str, str]]) -> Response:
    """The response that takes `parameters` to the client."""
    if mode == FORM_POST:
        headers.allow_form_target(redirect_uri)
        page = render_template(
            "pages/form_post.html", action=redirect_uri, parameters=parameters, languages=[]
        )
        response = make_response(page)
    else:
        fragment = f"{redirect_uri}#{urlencode(parameters)}" if mode == FRAGMENT else None
        response = Response(status=303, content_type="text/plain")  # to any method's request (RFC 9700 4.12)
        response.location = fragment or with_parameters(redirect_uri, parameters)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
