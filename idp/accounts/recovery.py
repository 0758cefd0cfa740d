"""Forgotten username or password: one mail with the username and a link (R-13, R-33).

The answer and the work are the same whether or not there is an account: for an unknown address the message is
composed and sealed too, and thrown away by the outbox.
"""

from idp import audit, clock
from idp.accounts import counters, links, protection
from idp.accounts.details import tell_password_changed
from idp.accounts.hashing import hasher
from idp.accounts.links import LinkNotLive, LinkState, Purpose
from idp.accounts.models import ACTIVE, Account
from idp.accounts.registration import find_account
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import db, writing
from idp.grants import access
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy import usernames
from idp.sessions import browser


def ask(
    name: str,
    *,
    language: str,
    client_id: str | None,
    address: str | None,
    rules: Rules,
    silent: bool = False,
) -> None:
    """Mail the username and a reset link to the owner of an address or username, if there is one.

    `silent`: they have been mailed often enough of late; their older link stays good, and the work is that of a name
    that nobody has.
    """
    now = clock.now()
    with writing() as session:
        account = find_account(session, usernames.comparison_key(name))
        if account is not None and (account.status != ACTIVE or not account.email):
            account = None
        account_id = account.id if account else None
        if silent:
            account = None
        token = links.make(
            session,
            Purpose.RESET,
            now,
            now + rules.lifetimes.reset_link,
            account_id=account.id if account else None,
            client_id=client_id,
        )
        message = compose(
            "reset",
            (account.email if account else None) or outbox.NOBODY,
            account.language if account else language,
            name=account.given_name if account else None,
            username=account.username if account else name[:254],
            link=f"{rules.settings.issuer}/reset?token={token}",
            minutes=rules.settings.links.reset_minutes,
            client_id=client_id,
        )
        outbox.put(session, rules.vault, message, now, discard=account is None)
        audit.record(
            session,
            Event.RECOVERY_ASKED,
            at=now,
            outcome="success" if account else "failure" if account_id else "unknown",
            reason="limited" if silent else None,
            account_id=account_id,
            address=address,
        )


def look(token: str) -> Account:
    """The account that a live link of a reset or an invitation belongs to. Raises LinkNotLive."""
    return _look(token)[0]


def _look(token: str) -> tuple[Account, Purpose]:
    purpose = Purpose.RESET
    link = links.look(token, purpose, clock.now())
    if link.state is LinkState.UNKNOWN:
        purpose = Purpose.INVITATION
        link = links.look(token, purpose, clock.now())
    if link.state is not LinkState.LIVE:
        raise LinkNotLive(link.state)
    account = db.session.get(Account, link.account_id) if link.account_id else None
    if account is None:
        raise LinkNotLive(LinkState.UNKNOWN)
    protection.must_be_open(db.session, account)
    return account, purpose


def reset(token: str, password: str, rules: Rules, *, device: str | None) -> str:
    """Set a new password: ends all sessions, remembered logins and tokens, and tells the owner. Returns the username.

    Known devices are forgotten, but `device` in which it is done: that one stays out of the reach of strangers' tries.
    Raises LinkNotLive and HashingBusy. The lock stays unless `lockout.reset_unlocks` is set.
    """
    looked_at, purpose = _look(token)
    account_id = looked_at.id
    password_hash = hasher().hash(password)
    now = clock.now()
    with writing() as session:
        if not links.use(session, token, purpose, now):
            raise LinkNotLive(LinkState.USED)
        account = session.get_one(Account, account_id, with_for_update=True)
        protection.must_be_open(session, account)
        account.password_hash = password_hash
        account.updated_at = now
        browser.end(session, account_id, now)
        browser.forget_devices(session, account_id, but=device)
        access.revoke_of_account(session, account_id, now)
        links.withdraw(session, now, account_id=account_id)
        if rules.settings.lockout.reset_unlocks:
            counters.clear(session, counters.key_of_account(rules.vault, account_id))
        if purpose is Purpose.INVITATION:
            account.email_verified = True  # it was mailed there, and dies when the address changes
        else:
            tell_password_changed(session, account, rules)
        audit.record(session, Event.PASSWORD_RESET, at=now, account_id=account_id)
        return account.username
