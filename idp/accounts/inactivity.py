"""Accounts that nobody uses: warned by mail, closed when unused for long, erased two weeks later like any deletion."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from idp import audit, clock
from idp.accounts import deletion
from idp.accounts.models import ACTIVE, Account, RoleGiven
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy.usernames import UsernameKind

WARNED_BEFORE = timedelta(days=30)


def warn_due(rules: Rules, limit: int = 100) -> int:
    """Mail who will soon lose an unused account. Returns how many were warned."""
    now = clock.now()
    end = now - rules.lifetimes.inactive_account
    with writing() as session:
        unused = Account.last_login_at <= end + WARNED_BEFORE
        query = (
            _residents().where(unused, Account.warned_at.is_(None), Account.email.is_not(None)).limit(limit)
        )
        warned = session.scalars(query.with_for_update(skip_locked=True)).all()
        for account in warned:
            account.warned_at = now
            until = max(account.last_login_at + rules.lifetimes.inactive_account, now + WARNED_BEFORE)
            message = compose(
                "inactive_warning",
                account.email or "",
                account.language,
                name=account.given_name,
                until=until,
                login_link=f"{rules.settings.issuer}/login",
            )
            outbox.put(session, rules.vault, message, now)
            audit.record(session, Event.INACTIVITY_WARNED, at=now, account_id=account.id)
        return len(warned)


def close_due(rules: Rules, limit: int = 100) -> int:
    """Order the deletion of accounts that stayed unused after the warning. Returns how many.

    Judged and closed under the row's lock. Whoever holds that, a login or another purge, is ahead of us.
    """
    now = clock.now()
    with writing() as session:
        query = _residents().where(*_is_over(rules, now)).limit(limit)
        due = session.scalars(query.with_for_update(skip_locked=True)).all()
        for account in due:
            deletion.order_within(session, account, rules, unused=True)
        return len(due)


def _residents() -> sa.Select[Account]:
    """Those whose accounts end by themselves: no authorities, nobody who helps others."""
    has_role = sa.exists().where(RoleGiven.account_id == Account.id)
    kind = Account.kind == UsernameKind.RESIDENT.value
    return sa.select(Account).where(Account.status == ACTIVE, kind, ~has_role)


def _is_over(rules: Rules, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Account.last_login_at <= now - rules.lifetimes.inactive_account,
        Account.warned_at.is_not(None),
        Account.warned_at <= now - WARNED_BEFORE,
    )
