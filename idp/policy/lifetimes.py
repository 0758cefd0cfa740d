"""How long everything lives: links, sessions, tokens, keys, records.

Durations, and the two questions asked of them. Who stores an expiry, or deletes what is over, is not here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

NO_TIME = timedelta(0)


class ImpossibleLifetime(ValueError):
    """Two lifetimes contradict each other, or one is out of bounds; the message names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """Every duration of one installation. The defaults are the documented ones; settings may replace some.

    Raises ImpossibleLifetime.
    """

    activation_link: timedelta = timedelta(minutes=30)
    """From sending the mail. R-29: "Saamasi aktivointilinkki on voimassa 30 min"."""

    reset_link: timedelta = timedelta(minutes=30)
    """From sending the mail. R-33 is silent and suggests the same as activation."""

    invitation: timedelta = timedelta(hours=72)
    """From sending the mail to somebody whose account an administrator has made: it may come on a Friday. Later
    they ask for a new link themselves. ASVS 6.4.1: it works once, and no password is ever sent."""

    address_confirmation: timedelta = timedelta(minutes=30)
    """From sending the mail to a new address. R-37: the same activation link."""

    undo_change: timedelta = timedelta(days=7)
    """The protective links in the mail to the owner, "undo" and "this wasn't me": they outlive the change."""

    cancel_deletion: timedelta = timedelta(days=14)
    """From the order to delete the account until it is erased; the link in the mail stops it."""

    session_idle: timedelta = timedelta(minutes=30)
    """Without "remember me", from the last request. ASVS 7.3.1; NIST SP 800-63B-4 recommends at
    most an hour at AAL2 and sets nothing at AAL1."""

    session_absolute: timedelta = timedelta(hours=12)
    """Without "remember me", from the login, however busy. ASVS 7.3.2."""

    remembered_login: timedelta = timedelta(days=30)
    """With "remember me", from the login (R-11). The longest that NIST SP 800-63B-4 recommends for AAL1."""

    authorization_request: timedelta = timedelta(hours=1)
    """From /oauth2/authorize until a code: time to register, wait for the mail and activate (30 min)."""

    authorization_code: timedelta = timedelta(seconds=60)
    """60 s is also the most that the FAPI 2.0 Security Profile (5.3.2.1) allows. ASVS 10.4.3 (L3)."""

    pushed_request: timedelta = timedelta(seconds=90)
    """From pushing a request until the browser has opened it; RFC 9126 2.2 speaks of 5 to 600 seconds."""

    device_code: timedelta = timedelta(minutes=10)
    """From the device's code on its screen until the person has allowed it elsewhere, and the device has asked."""

    access_token: timedelta = timedelta(minutes=10)
    """A JWT that a resource server checks by itself cannot be called back: for so long it
    may outlive its revocation."""

    id_token: timedelta = timedelta(minutes=10)
    """A client reads it once, at once. As `id_token_hint` it works long after its end."""

    refresh_idle: timedelta = timedelta(days=14)
    """From the last use: an app left alone over a holiday still works, one on a lost phone soon does not."""

    refresh_absolute: timedelta = timedelta(days=90)
    """From the login, however often used (ASVS 10.4.8): the person shows up again once a quarter.
    Refreshing never renews `auth_time`, so an e-service that needs a recent login still gets one by
    `max_age`."""

    refresh_grace: timedelta = timedelta(seconds=10)
    """A repeated refresh is forgiven within this, for answers that the network lost. Zero: never."""

    retired_key_published: timedelta = timedelta(hours=24)
    """From the rotation: the old public key stays in the JWKS for tokens already out and for caches."""

    unactivated_account: timedelta = timedelta(days=30)
    """From the registration. R-30: it has to survive the link, so that an administrator can send another."""

    inactive_account: timedelta = timedelta(days=730)
    """From the last login: 24 months, our choice, since no law names a number. A warning goes out 30 days before."""

    audit_event: timedelta = timedelta(days=730)
    """From the event: 24 months, long enough to look into what somebody notices late, our choice."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= NO_TIME and name != "refresh_grace":
                raise ImpossibleLifetime(f"{name} must be longer than zero")
        if self.refresh_grace < NO_TIME:
            raise ImpossibleLifetime("refresh_grace must not be negative")
        if self.authorization_code > timedelta(seconds=60):
            raise ImpossibleLifetime("authorization_code must be at most 60 seconds")
        if self.session_idle > self.session_absolute:
            raise ImpossibleLifetime("session_idle must not exceed session_absolute")
        if self.refresh_idle > self.refresh_absolute:
            raise ImpossibleLifetime("refresh_idle must not exceed refresh_absolute")
        if self.retired_key_published < max(self.access_token, self.id_token):
            raise ImpossibleLifetime("retired_key_published must cover access_token and id_token")
        if self.unactivated_account < self.activation_link:
            raise ImpossibleLifetime("unactivated_account must cover activation_link")

    def session_end(self, created_at: datetime, last_seen_at: datetime, *, remembered: bool) -> datetime:
        """When a browser session is over: ask `is_live(session_end(...), now)`.

        Remembered logins have no idle limit; the others end by idleness or by age, whichever comes first.
        """
        if remembered:
            return created_at + self.remembered_login
        return min(created_at + self.session_absolute, last_seen_at + self.session_idle)


def is_live(expires_at: datetime, now: datetime) -> bool:
    """Whether something that expires at `expires_at` still works: strictly before it, not at that moment.

    RFC 7519 4.1.4 says the same of `exp`. Both times are timezone-aware; a naive one among them
    raises TypeError.
    """
    return now < expires_at
