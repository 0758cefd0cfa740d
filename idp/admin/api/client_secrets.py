"""A client app's secrets and its picture."""

from datetime import timedelta

from flask import request

from idp.admin.api import reading
from idp.admin.api.client_models import Client, Secret, SecretAsked
from idp.admin.api.clients import as_it_is, as_read, look_again
from idp.admin.api.operations import PICTURES, Answer, Call, operation
from idp.admin.api.problems import Problem
from idp.clients import management
from idp.clients.management import MAX_LOGO_BYTES
from idp.clients.metadata import InvalidClientMetadata


@operation(
    "POST",
    "/clients/<client_id>/secret",
    answers=Secret,
    body=SecretAsked,
    body_needed=False,
    conflicts=("no-secret",),
    condition="optional",
)
def rotate_secret(call: Call, client_id: str) -> Answer:
    """Give a client app a new secret.

    It is told only now. The one before stays good for a while; an earlier one ends. With If-Match, a request that is
    sent twice does not end the secret that is in use.
    """
    client = as_read(client_id, call.actor, required=False)
    seen = client.updated_at if "If-Match" in request.headers else None
    overlap = timedelta(seconds=call.body.overlap_seconds)
    secret = management.rotate_secret(client_id, call.actor, overlap=overlap, seen=seen)
    until = look_again(client_id, call.actor).previous_secret_until
    return Answer(Secret(client_id=client_id, client_secret=secret, previous_secret_until=until))


@operation("DELETE", "/clients/<client_id>/previous-secret", conflicts=("wrong-state",))
def end_previous_secret(call: Call, client_id: str) -> Answer:
    """End the secret before the newest one at once."""
    management.end_previous_secret(client_id, call.actor)
    return Answer()


@operation("PUT", "/clients/<client_id>/logo", answers=Client, media_types=PICTURES)
def put_logo(call: Call, client_id: str) -> Answer:
    """Show a picture on pages for a client app.

    The body is the picture, at most 200 kB.
    """
    reading.must_be(*PICTURES)
    request.max_content_length = MAX_LOGO_BYTES  # nothing of it was read yet
    picture = request.get_data()
    if not picture:
        raise Problem("malformed", "There is no picture in the body.")
    try:
        management.put_logo(client_id, picture, call.actor)
    except InvalidClientMetadata as error:
        raise Problem("invalid", str(error)) from error
    return as_it_is(client_id, call.actor)


@operation("DELETE", "/clients/<client_id>/logo")
def remove_logo(call: Call, client_id: str) -> Answer:
    """Show no picture any more."""
    management.put_logo(client_id, None, call.actor)
    return Answer()
