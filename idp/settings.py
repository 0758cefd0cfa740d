"""Everything an operator sets: one TOML file over config/default.toml, overridden by IDP_* variables.

config/default.toml is the reference and holds the defaults; here are only the types and what is impossible.
"""

import base64
import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

Localized = dict[str, str]
Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]

_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class UnusableSettings(Exception):
    """The settings cannot be used; the message is one line that names the key."""


def project_folder(name: str) -> Path:
    """`templates` or `config`: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


def _secret(value: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError as error:
        raise ValueError("is not base64url") from error
    if len(raw) < 32:
        raise ValueError("has fewer than 32 bytes")
    return value


Secret = Annotated[str, AfterValidator(_secret)]


def _host(value: str) -> str:
    host = value.strip("[]").rstrip(".").lower()
    if _HOST_NAME.fullmatch(host):
        return host
    try:
        return ip_address(host).compressed
    except ValueError as error:
        raise ValueError("must be a host name or an IP address, without scheme, port and path") from error


Host = Annotated[str, AfterValidator(_host)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Folders(Section):
    data: Path
    overrides: str


class Secrets(Section):
    keys: list[Secret]
    peppers: dict[str, Secret]


class Database(Section):
    url: str
    timeout_seconds: Positive


class Server(Section):
    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    workers: NotNegative
    threads: Positive
    trusted_proxies: NotNegative
    stop_delay_seconds: Annotated[float, Field(ge=0, le=300)]
    max_body_bytes: Positive


class Theme(Section):
    colour: str
    colour_hover: str
    on_colour: str
    colour_dark: str
    colour_dark_hover: str
    on_colour_dark: str
    font: str

    @field_validator("*")
    @classmethod
    def nothing_but_a_value(cls, value: str) -> str:
        if any(char in value for char in "{};<>\\") or "url(" in value.lower():
            raise ValueError("must be a plain value")
        return value


CLAIM_MEANINGS = ("identity_code", "given_names", "family_name", "birth_date", "name", "method")
"""What a broker's claims can mean to us."""

TEXTS = ("name", "service", "other_account", "help_url")
"""The tables of `[site]` that have a text for each language."""


class Site(Section):
    languages: Annotated[list[str], Field(min_length=1)]
    timezone: str
    name: Localized
    service: Localized
    other_account: Localized
    contact_email: str
    contact_phone: str
    help_url: Localized
    logo_url: str
    theme: Theme

    @model_validator(mode="after")
    def every_text_in_every_language(self) -> Self:
        for key in TEXTS:
            if missing := set(self.languages) - set(getattr(self, key)):
                raise ValueError(f"{key} has no text for {', '.join(sorted(missing))}")
        return self


class Accounts(Section):
    account_exists_notice: Literal["mail", "screen"]
    authority_pattern: str
    authority_username_example: str
    unactivated_days: Positive
    inactive_months: Positive
    registration_assurance: Literal["none", "strong"]


class Upstream(Section):
    issuer: str
    client_id: str
    acr: str
    service_name: Localized
    claims_dialect: Literal["ftn", "op", "signicat", "custom"]
    claims: dict[str, str]
    scope: str
    request: Literal["signed", "pushed"]
    assertion_audience: Literal["token_endpoint", "issuer"]
    trusted_keys: str
    unsigned_keys: bool
    signed_jwks_uri: str
    entity_id: str
    key_days: NotNegative
    store_identity_code: bool

    @field_validator("issuer")
    @classmethod
    def an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (
            parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment
        ):
            raise ValueError("must be the broker's issuer, an address such as https://broker.example.fi")
        return value

    @field_validator("claims")
    @classmethod
    def of_known_meanings(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(value.keys() - set(CLAIM_MEANINGS)):
            raise ValueError(f"{unknown[0]} is none of {', '.join(CLAIM_MEANINGS)}")
        return value

    @model_validator(mode="after")
    def complete(self) -> Self:
        if not self.issuer:
            return self
        for name in ("client_id", "acr"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty")
        if self.scope and "openid" not in self.scope.split():
            raise ValueError("scope must hold openid")
        if self.claims_dialect == "custom" and "identity_code" not in self.claims:
            raise ValueError("claims must say which claim is the identity_code")
        if long := [text for text in self.service_name.values() if len(text) > 40]:
            raise ValueError(f"service_name: {long[0]} is longer than 40 characters")
        return self

    @property
    def on(self) -> bool:
        """Whether there is a broker."""
        return bool(self.issuer)


class Passwords(Section):
    profile: Literal["classes", "length"]
    min_length: NotNegative
    bcrypt_cost: Annotated[int, Field(ge=4, le=18)]
    parallel_hashes: NotNegative
    waiting_hashes: NotNegative


class Lockout(Section):
    attempts: Positive
    hours: Positive
    reset_unlocks: bool


class Links(Section):
    activation_minutes: Positive
    reset_minutes: Positive
    self_service_resend: bool


class Sessions(Section):
    idle_minutes: Positive
    absolute_hours: Positive
    remembered_days: Positive


class Tokens(Section):
    authorization_request_minutes: Positive
    code_seconds: Annotated[int, Field(gt=0, le=60)]
    access_token_seconds: Positive
    id_token_seconds: Positive
    refresh_idle_days: Positive
    refresh_absolute_days: Positive
    refresh_grace_seconds: NotNegative
    retired_key_published_hours: Positive
    pushed_request_seconds: Annotated[int, Field(ge=5, le=600)]
    device_code_minutes: Annotated[int, Field(ge=5, le=60)]
    device_poll_seconds: Positive
    signing_key_days: NotNegative


class Clients(Section):
    dynamic_registration: Literal["off", "token", "open"]
    require_pushed_requests: bool
    unused_registered_days: NotNegative


class Mail(Section):
    host: str
    port: Positive
    username: str
    password: str
    security: Literal["none", "starttls", "tls"]
    timeout_seconds: Positive
    sender: str


class Outbound(Section):
    ca_bundle: str
    timeout_seconds: Annotated[float, Field(gt=0)]
    max_response_bytes: Positive
    allowed_hosts: list[Host]


class Limits(Section):
    storage: str
    login_per_address: str
    login_per_username: str
    registration_per_address: str
    recovery_per_address: str
    mail_per_name: str
    feedback_per_address: str
    token_errors_per_address: str
    client_registration_per_address: str
    registered_clients_per_address: str
    pushed_requests_per_address: str
    device_codes_per_address: str
    device_entries_per_address: str
    device_entries_per_account: str
    client_checks_per_account: str


class Log(Section):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["json", "text"]
    requests: Literal["all", "pages", "errors"]


class Audit(Section):
    kept_months: Positive
    addresses: Literal["whole", "truncated", "none"]


class Metrics(Section):
    token: str
    allowed_networks: list[IPvAnyNetwork]

    @field_validator("token")
    @classmethod
    def cannot_be_guessed(cls, value: str) -> str:
        if value and len(value) < 32:
            raise ValueError("must have 32 characters or more")
        return value


class Tracing(Section):
    endpoint: str
    ratio: Annotated[float, Field(ge=0, le=1)]


FAKE_BROKERS_CLIENT = "tunnus-demo"
"""The client id at the demo's broker, where anybody can be anybody."""


class Settings(BaseSettings):
    """The whole configuration, read-only. Make one with `load`."""

    model_config = SettingsConfigDict(
        env_prefix="IDP_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
    )

    mode: Literal["production", "test", "demo"]
    issuer: str
    folders: Folders
    secrets: Secrets
    database: Database
    server: Server
    site: Site
    accounts: Accounts
    upstream: Upstream
    passwords: Passwords
    lockout: Lockout
    links: Links
    sessions: Sessions
    tokens: Tokens
    clients: Clients
    mail: Mail
    outbound: Outbound
    limits: Limits
    log: Log
    audit: Audit
    metrics: Metrics
    tracing: Tracing

    @field_validator("issuer")
    @classmethod
    def issuer_is_an_origin_or_path(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an address such as https://tunnus.example.fi")
        if parts.query or parts.fragment or value.endswith("/"):
            raise ValueError("must have no query, no fragment and no trailing slash")
        if parts.path:
            raise ValueError("must have no path: the provider serves the whole host")
        return value

    @model_validator(mode="after")
    def production_is_safe(self) -> Self:
        if not self.secrets.keys:
            raise ValueError("secrets.keys is empty; `idp init` makes one")
        if self.accounts.registration_assurance == "strong" and not self.upstream.on:
            raise ValueError("accounts.registration_assurance is strong, and upstream.issuer names no broker")
        if not self.production:
            return self
        self._refuse_brokers_of_tests()
        if not self.issuer.startswith("https://"):
            raise ValueError("issuer must begin with https:// in production")
        if not self.mail.host:
            raise ValueError("mail.host is empty; without mail nobody can activate an account")
        if self.clients.dynamic_registration == "open":
            raise ValueError("clients.dynamic_registration must be off or token in production")
        if self.passwords.bcrypt_cost < 10:
            raise ValueError("passwords.bcrypt_cost is below 10 in production")
        return self

    def _refuse_brokers_of_tests(self) -> None:
        if not self.upstream.on:
            return
        if not self.upstream.issuer.startswith("https://"):
            raise ValueError("upstream.issuer must begin with https:// in production")
        if "loatest" in self.upstream.acr.lower():
            raise ValueError("upstream.acr is a level of test environments, which production refuses")
        if self.upstream.client_id == FAKE_BROKERS_CLIENT:
            raise ValueError("upstream.client_id is that of the demo's broker, which identifies nobody")
        if not self.upstream.trusted_keys and not self.upstream.unsigned_keys:
            raise ValueError(
                "upstream.trusted_keys is empty: keys that renew themselves must be signed (Traficom 213/2023 S);"
                " if the broker signs none, say upstream.unsigned_keys = true"
            )
        if self.upstream.signed_jwks_uri and not self.upstream.signed_jwks_uri.startswith("https://"):
            raise ValueError("upstream.signed_jwks_uri must begin with https:// in production")

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database; SQLite in the data folder unless set."""
        return self.database.url or f"sqlite:///{self.folders.data.resolve() / 'tunnus.db'}"

    @property
    def production(self) -> bool:
        """Whether everything unsafe is refused, such as addresses of clients without https."""
        return self.mode == "production"

    @property
    def https(self) -> bool:
        """Whether residents come by https: decides the Secure attribute and the __Host- prefix of cookies."""
        return self.issuer.startswith("https://")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # pydantic-settings merges later sources under earlier ones, section by section.
        files = [_File(settings_cls, path) for path in reversed(_files)]
        return init_settings, env_settings, *files


class _File(TomlConfigSettingsSource):
    """A file whose texts are replaced whole by those of a stronger source.

    One that sets `site.name` in Finnish alone must not be shown in Swedish by the example's name.
    """

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        site, stronger = found.get("site"), self.current_state.get("site")
        if isinstance(site, dict) and isinstance(stronger, dict):
            replaced = {key for key in TEXTS if key in stronger}
            found = found | {"site": {key: value for key, value in site.items() if key not in replaced}}
        return found


_files: list[Path] = []


def load(*files: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read default.toml, then `files` in order, then IDP_* variables, then `overrides` (nested tables).

    Raises UnusableSettings with one line that names the key.
    """
    for path in files:
        if not path.is_file():
            raise UnusableSettings(f"no settings file at {path}")
    _files[:] = [project_folder("config") / "default.toml", *files]
    try:
        _refuse_unknown_variables()
        return Settings(**(overrides or {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UnusableSettings(f"{key}: {message}" if key else message) from error
    except (SettingsError, ValueError) as error:
        raise UnusableSettings(str(error)) from error
    except OSError as error:
        which = error.filename or ", ".join(map(str, files))
        raise UnusableSettings(f"{which} cannot be read: {error.strerror}") from error


def _refuse_unknown_variables() -> None:
    known = {"IDP_CONFIG", "IDP_SERVING_FILES", "IDP_SERVING_WORKERS"}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            known |= {f"IDP_{name}_{key}".upper() for key in section.model_fields}
        known.add(f"IDP_{name}".upper())
    for variable in os.environ:
        if variable.startswith("IDP_") and not variable.startswith("IDP_TEST_") and variable not in known:
            raise UnusableSettings(f"{variable}: there is no such setting")
