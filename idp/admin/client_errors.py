"""What the domain says of a client's metadata, put at the field it is about and in words of the person's language.

The domain writes English: "member: reason", or "address: reason" for a redirect URI. client_reasons.py has the words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from idp.admin.client_fields import GROUPS, NAMES, group_of, label
from idp.admin.client_forms import Input
from idp.admin.client_reasons import in_words
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
