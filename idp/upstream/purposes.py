"""What people are identified for."""

from enum import StrEnum


class Purpose(StrEnum):
    REGISTRATION = "registration"  # before an account is created
    STEP_UP = "step_up"  # of a login that is going on
