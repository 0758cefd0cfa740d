"""The policy objects of this installation, made from its settings once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from flask import Flask, current_app

from idp.crypto import Vault
from idp.policy.lifetimes import Lifetimes
from idp.policy.lockout import LockoutPolicy
from idp.policy.passwords import PasswordPolicy
from idp.policy.usernames import AuthorityNamePattern
from idp.settings import Settings, UnusableSettings


@dataclass(frozen=True)
class Rules:
    """What the use cases judge by."""

    settings: Settings
    passwords: PasswordPolicy
    lockout: LockoutPolicy
    lifetimes: Lifetimes
    authority_names: AuthorityNamePattern
    vault: Vault

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """Raises UnusableSettings when the values contradict each other."""
        tokens, sessions, links = settings.tokens, settings.sessions, settings.links
        try:
            return cls(
                settings=settings,
                passwords=PasswordPolicy.for_profile(
                    settings.passwords.profile, settings.passwords.min_length
                ),
                lockout=LockoutPolicy(
                    attempts=settings.lockout.attempts, duration=timedelta(hours=settings.lockout.hours)
                ),
                lifetimes=Lifetimes(
                    activation_link=timedelta(minutes=links.activation_minutes),
                    reset_link=timedelta(minutes=links.reset_minutes),
                    session_idle=timedelta(minutes=sessions.idle_minutes),
                    session_absolute=timedelta(hours=sessions.absolute_hours),
                    remembered_login=timedelta(days=sessions.remembered_days),
                    authorization_request=timedelta(minutes=tokens.authorization_request_minutes),
                    authorization_code=timedelta(seconds=tokens.code_seconds),
                    pushed_request=timedelta(seconds=tokens.pushed_request_seconds),
                    device_code=timedelta(minutes=tokens.device_code_minutes),
                    access_token=timedelta(seconds=tokens.access_token_seconds),
                    id_token=timedelta(seconds=tokens.id_token_seconds),
                    refresh_idle=timedelta(days=tokens.refresh_idle_days),
                    refresh_absolute=timedelta(days=tokens.refresh_absolute_days),
                    refresh_grace=timedelta(seconds=tokens.refresh_grace_seconds),
                    retired_key_published=timedelta(hours=tokens.retired_key_published_hours),
                    unactivated_account=timedelta(days=settings.accounts.unactivated_days),
                    inactive_account=timedelta(days=settings.accounts.inactive_months * 365 // 12),
                    audit_event=timedelta(days=settings.audit.kept_months * 365 // 12),
                ),
                authority_names=AuthorityNamePattern(
                    settings.accounts.authority_pattern, settings.accounts.authority_username_example
                ),
                vault=Vault(settings.secrets.keys),
            )
        except ValueError as error:
            raise UnusableSettings(str(error)) from error


def init_app(app: Flask, settings: Settings) -> Rules:
    rules_of_app = app.extensions["rules"] = Rules.of(settings)
    return rules_of_app


def rules() -> Rules:
    """The rules of the running app."""
    return cast("Rules", current_app.extensions["rules"])
