"""The forms of a client app's settings, made from client_fields.py: what is typed becomes what is set, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babel import Locale
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.widgets import CheckboxInput, ListWidget

from idp.admin.client_fields import (
    OPTIONS,
    VALUES,
    WANTED_SWITCHES,
    is_metadata,
    is_translated,
    label,
    widget,
)
from idp.admin.client_texts import TEXTS, choice_texts, empty_text
from idp.clients.managed import ManagedClient
from idp.clients.management import Wanted
from idp.clients.metadata import SCOPES, with_defaults
from idp.clients.options import SWITCHES
from idp.web.fields import lazy, needed, trimmed
from idp.web.forms import Form

FURTHER = "scope_further"  # scopes of APIs, beside the boxes


class NotReadable(ValueError):
    """What was typed is no value of that kind; the message is for the person."""


@dataclass(frozen=True)
class Input:
    """A member as a form asks for it. `member` may name a language: client_name#sv."""

    member: str
    label: str
    required: bool = False

    @property
    def name(self) -> str:
        return self.member.partition("#")[0]

    @property
    def field(self) -> str:
        """The name in the form, which stands in links to the field too."""
        return self.member.replace("#", "-", 1)

    @property
    def hint(self) -> str:
        return str(TEXTS[self.name][1])

    @property
    def look(self) -> str:
        """Which macro of components/client_fields.html draws it."""
        kind = widget(self.name)
        if kind == "choice":
            return "radios" if len(choice_texts(self.name)) > 1 else "text"
        if kind in ("choices", "scopes"):
            return "boxes"
        if kind == "number" or self.name in ("colour", "colour_dark"):
            return "short"
        return {"lines": "area", "json": "area", "switch": "tick", "picture": "picture"}.get(kind, "text")


def inputs(
    names: Iterable[str],
    languages: Sequence[str],
    present: Iterable[str] = (),
    required: Iterable[str] = (),
) -> list[Input]:
    """What is asked for, texts that people read in each language; those of other languages too that are `present`."""
    found, required = [], set(required)
    for name in names:
        text = label(name)
        if not is_translated(name):
            found.append(Input(name, text, name in required))
            continue
        first, *others = languages
        found.append(Input(name, f"{text} ({language_name(first)})", name in required))
        further = [member.partition("#")[2] for member in present if member.startswith(f"{name}#")]
        found += [
            Input(f"{name}#{code}", f"{text} ({language_name(code)})")
            for code in dict.fromkeys([*others, *further])
        ]
    return found


def language_name(code: str) -> str:
    try:
        name = Locale.parse(code, sep="-").get_display_name(get_locale())
    except ValueError:
        name = None
    return name or code


class _Boxes(SelectMultipleField):
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class _ClientForm(Form):
    """`version` is that of the client when the form was opened, `opened` what stood in the form then."""

    version = HiddenField()
    opened = HiddenField()

    def open_at(self, version: str, asked: Iterable[Input], values: Mapping[str, Any]) -> None:
        self.version.data = version
        self.opened.data = json.dumps({each.member: values.get(each.member) for each in asked})

    def stood_there(self) -> dict[str, Any]:
        """What stood in the form when it was opened; nothing if it does not say."""
        try:
            found = json.loads(self.opened.data or "")
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}


def form_of(asked: Sequence[Input], base: type[Form] = _ClientForm) -> Any:
    """A form with a field for each."""
    made: dict[str, Any] = {}
    for each in asked:
        made[each.field] = _field(each)
        if widget(each.name) == "scopes":
            made[FURTHER] = StringField(lazy("Further scopes"), filters=[trimmed])
    form = type("ClientForm", (base,), made)()
    for each in asked:
        if widget(each.name) in ("choice", "choices", "scopes"):
            form[each.field].choices = _choices(each.name)
    return form


def _field(asked: Input) -> Any:
    rules: list[Any] = [needed(lazy("Fill in this field."))] if asked.required else []
    match widget(asked.name):
        case "lines" | "json":
            return TextAreaField(asked.label, rules)
        case "choice":
            kind = RadioField if asked.look == "radios" else SelectField
            return kind(asked.label, validate_choice=False)
        case "choices" | "scopes":
            return _Boxes(asked.label, validate_choice=False)
        case "switch":
            return BooleanField(asked.label)
        case "picture":
            return FileField(asked.label)
        case _:
            return StringField(asked.label, rules, filters=[trimmed])


def _choices(name: str) -> list[tuple[str, str]]:
    texts = choice_texts(name)
    values = [(value, texts.get(value, value)) for value in (SCOPES if name == "scope" else VALUES[name])]
    if widget(name) in ("choices", "scopes") or (texts and name != "registration_assurance"):
        return values  # the default is one of them
    return [("", empty_text(name)), *values]


def fill(form: Any, asked: Iterable[Input], values: Mapping[str, Any]) -> None:
    """Show what is set; `values` as ManagedClient.wanted_values has them."""
    whole = {
        **SWITCHES,
        **with_defaults(values),
        "grant_types": values.get("grant_types", ["authorization_code"]),
    }
    for each in asked:
        form[each.field].data = _typed(each.name, whole.get(each.member))
        if each.name == "scope":
            chosen = str(whole["scope"]).split()
            form[each.field].data = [value for value in SCOPES if value in chosen]
            form[FURTHER].data = " ".join(value for value in chosen if value not in SCOPES)


def _typed(name: str, value: Any) -> Any:
    match widget(name):
        case "lines":
            return "\n".join(value or ())
        case "json":
            return json.dumps(value, indent=2) if value else ""
        case "choices":
            return list(value or ())
        case "switch":
            return bool(value)
        case "number":
            return "" if value is None else str(value)
        case _:
            return value or ""


def read(form: Any, asked: Iterable[Input], present: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """What was typed by the names of members, None for nothing; and whether all of it could be read."""
    found, readable = {}, True
    for each in asked:
        if widget(each.name) == "picture":
            continue
        try:
            found[each.member] = _read(form, each, present)
        except NotReadable as error:
            form[each.field].errors = [str(error)]
            readable = False
    return found, readable


def _read(form: Any, asked: Input, present: Mapping[str, Any]) -> Any:
    typed = form[asked.field].data
    kind = widget(asked.name)
    value: Any
    if kind == "switch":
        value = bool(typed)
        # Not ticked means the same as not registered: no change where nobody changed it.
        untouched = value is SWITCHES.get(asked.member, False) and asked.member not in present
        return None if untouched and asked.member not in WANTED_SWITCHES else value
    if kind == "lines":
        value = [line.strip() for line in (typed or "").splitlines() if line.strip()]
    elif kind == "choices":
        value = list(typed or ())
    elif kind == "scopes":
        value = " ".join([*(typed or ()), *(form[FURTHER].data or "").split()])
    elif kind == "json":
        value = _json(typed or "")
    elif kind == "number":
        value = _number(typed or "")
    else:
        value = typed or ""
    if asked.member not in present and value == with_defaults(present).get(asked.member):
        return None
    return value if value not in ("", []) else None


def _number(typed: str) -> int | None:
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 9):
        raise NotReadable(_("Enter a whole number."))
    return int(typed)


def _json(typed: str) -> Any:
    if not typed.strip():
        return None
    try:
        found = json.loads(typed)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise NotReadable(_("This is not JSON. Paste the whole key set, with its braces."))
    return found


def wanted(client: ManagedClient, changes: Mapping[str, Any]) -> Wanted:
    """The client with some of its settings changed; None takes one away."""
    values = {
        name: value for name, value in {**client.wanted_values(), **changes}.items() if value is not None
    }
    return wanted_of(values)


def wanted_of(values: Mapping[str, Any]) -> Wanted:
    """Settings by their names, all in one."""
    switches = {name: bool(values[name]) for name in WANTED_SWITCHES if name in values}
    return Wanted(
        metadata={name: value for name, value in values.items() if is_metadata(name)},
        options={name: value for name, value in values.items() if name in OPTIONS},
        **switches,
    )
