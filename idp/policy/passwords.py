"""Which passwords may be chosen (R-19), as values: the page's text is generated from the policy's `rules`.

Asked when a password is set, never when one is typed to log in: raising the policy locks nobody out.
Hashing is not here. The lists of common passwords are in `common_passwords`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from idp.policy.common_passwords import is_common_password, lookalike_spellings

PRINTED_SPECIAL_CHARACTERS = ";:,._-'*~^`+?=()[]{}/!\"#£@§½"
"""The list of R-19, for showing to people. Many more count: see CharacterClass.SPECIAL."""

MAX_TYPED_LENGTH = 4096
"""Code points that `normalise` looks at: on hostile text NFC takes more than linear time, so there is an
end."""

# NFC makes at most four code points into one: a text longer than this many times the limit stays too long.
_LARGEST_COMPOSITION = 4

_WORD = re.compile(r"[^\W\d_]+")
_SHORTEST_CONTEXT_WORD = 4


class UnusablePassword(ValueError):
    """The text cannot be a password: it holds half a surrogate pair, or is longer than MAX_TYPED_LENGTH."""


def normalise(password: str) -> str:
    """The form in which passwords are judged and hashed: NFC, so that ä is one thing on every keyboard.

    NFC alone, never NFKC, which would turn ½ into three characters and ² into 2. Nothing is trimmed or
    folded; this is the one exception to ASVS 6.2.8. Raises UnusablePassword.
    """
    if len(password) > MAX_TYPED_LENGTH:
        raise UnusablePassword("the password is far too long")
    try:
        password.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnusablePassword("the password holds half a surrogate pair") from error
    return unicodedata.normalize("NFC", password)


class CharacterClass(Enum):
    """The four classes of R-19. A character is in one or in none (spaces, controls, letters without case)."""

    LOWER = "lower"
    """Unicode category Ll: å, ä and ö too."""

    UPPER = "upper"
    """Unicode category Lu."""

    DIGIT = "digit"
    """Unicode category Nd."""

    SPECIAL = "special"
    """Neither a letter (L), nor a decimal digit (Nd), nor whitespace, nor a control character (Cc)."""


def classify(char: str) -> CharacterClass | None:
    """The class of one character, by its Unicode category: `'½'.isalnum()` is true, yet ½ is special."""
    category = unicodedata.category(char)
    match category:
        case "Ll":
            return CharacterClass.LOWER
        case "Lu":
            return CharacterClass.UPPER
        case "Nd":
            return CharacterClass.DIGIT
    if category[0] == "L" or category == "Cc" or char.isspace():
        return None
    return CharacterClass.SPECIAL


class RuleKind(StrEnum):
    """What a rule counts: all characters, or those of one class."""

    LENGTH = "length"
    SPECIAL = "special"
    DIGIT = "digit"
    LOWER = "lower"
    UPPER = "upper"


class Fault(StrEnum):
    """Why a password is refused. The first five are broken rules, the others stand in no list on the page."""

    TOO_SHORT = "too_short"
    NEEDS_SPECIAL = "needs_special"
    NEEDS_DIGIT = "needs_digit"
    NEEDS_LOWER = "needs_lower"
    NEEDS_UPPER = "needs_upper"
    TOO_LONG = "too_long"
    COMMON = "common"
    CONTAINS_CONTEXT = "contains_context"
    UNUSABLE = "unusable"


_FAULT_OF_RULE = {
    RuleKind.LENGTH: Fault.TOO_SHORT,
    RuleKind.SPECIAL: Fault.NEEDS_SPECIAL,
    RuleKind.DIGIT: Fault.NEEDS_DIGIT,
    RuleKind.LOWER: Fault.NEEDS_LOWER,
    RuleKind.UPPER: Fault.NEEDS_UPPER,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the requirements on the page: at least `minimum` characters of a kind."""

    kind: RuleKind
    minimum: int

    @property
    def fault(self) -> Fault:
        """What a password that breaks this rule is told."""
        return _FAULT_OF_RULE[self.kind]

    def is_met_by(self, password: str) -> bool:
        """Whether a normalised password has enough. Counted in code points."""
        if self.kind is RuleKind.LENGTH:
            return len(password) >= self.minimum
        wanted = CharacterClass(self.kind.value)
        return sum(classify(char) is wanted for char in password) >= self.minimum


class Profile(StrEnum):
    """The two sets of rules an installation chooses from."""

    CLASSES = "classes"
    """R-19, the source document's rule and the default: 6 characters and each of the four classes."""

    LENGTH = "length"
    """NIST SP 800-63B-4 3.1.1.2 and ASVS 6.2.1, 6.2.5: 15 characters, of any kind."""


_SHORTEST = {Profile.CLASSES: 6, Profile.LENGTH: 15}
_ONE_OF_EACH_CLASS = tuple(Rule(kind, 1) for kind in RuleKind if kind is not RuleKind.LENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """The rules of one installation. Make one with `for_profile`. Lengths are in code points after NFC.

    `max_length` is far above any passphrase (ASVS 6.2.9 asks for 64, our design for 128) and low enough that
    judging a password takes no time. It is not bcrypt's limit: what bcrypt sees is a digest.

    Raises ValueError for a length outside what profile, ASVS and NIST allow.
    """

    profile: Profile
    min_length: int
    max_length: int = 256
    is_common: Callable[[str], bool] = field(default=is_common_password, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _SHORTEST[self.profile] <= self.min_length <= 64:
            raise ValueError(
                f"min_length must be {_SHORTEST[self.profile]} to 64 with profile {self.profile}"
            )
        if not 128 <= self.max_length <= MAX_TYPED_LENGTH // _LARGEST_COMPOSITION:
            raise ValueError(f"max_length must be 128 to {MAX_TYPED_LENGTH // _LARGEST_COMPOSITION}")

    @classmethod
    def for_profile(cls, profile: str, min_length: int | None = None) -> "PasswordPolicy":
        """The policy named by the settings `passwords.profile` and `passwords.min_length`.

        None or 0 is the profile's own length. Raises ValueError.
        """
        named = Profile(profile)
        return cls(profile=named, min_length=min_length or _SHORTEST[named])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What the page lists, in the order of the source document's sentence."""
        length = Rule(RuleKind.LENGTH, self.min_length)
        return (length, *_ONE_OF_EACH_CLASS) if self.profile is Profile.CLASSES else (length,)

    def check(self, password: str, context: Iterable[str] = ()) -> tuple[Fault, ...]:
        """Everything wrong with `password`, in the order of Fault; empty when it is good. Never raises.

        `context` is what others know about the person and the place: names, username, e-mail address, names
        of the service and the municipality (ASVS 6.2.11). TOO_LONG and UNUSABLE come alone.
        """
        if len(password) > self.max_length * _LARGEST_COMPOSITION:
            return (Fault.TOO_LONG,)
        try:
            password = normalise(password)
        except UnusablePassword:
            return (Fault.UNUSABLE,)
        if len(password) > self.max_length:
            return (Fault.TOO_LONG,)
        return tuple(self._faults(password, context))

    def _faults(self, password: str, context: Iterable[str]) -> Iterator[Fault]:
        for rule in self.rules:
            if not rule.is_met_by(password):
                yield rule.fault
        if self.is_common(password):
            yield Fault.COMMON
        if self._is_mostly_context(password, context):
            yield Fault.CONTAINS_CONTEXT

    def _is_mostly_context(self, password: str, context: Iterable[str]) -> bool:
        """Cut every context word out of the password. What is left has to be a password's worth of its own:

        at least half of `min_length` in letters, and no common password. Digits and special characters beside
        one's own name protect nobody; a passphrase that mentions it is fine.
        """
        words = context_words(context)
        return any(
            self._is_too_little(rest)
            for spelling in lookalike_spellings(_plain(password))
            if (rest := _without(words, spelling)) != spelling
        )

    def _is_too_little(self, rest: str) -> bool:
        letters = sum(map(len, _WORD.findall(rest)))
        return 2 * letters < self.min_length or self.is_common(rest.strip())


def context_words(context: Iterable[str]) -> tuple[str, ...]:
    """The words of `context` that a password must not live on, longest first: of 4 letters or more, without
    case, accents, digits and separators. "Anna-Liisa" gives annaliisa, liisa and anna; an address its
    domain too.

    ASVS 6.1.2 wants this list documented: it is made of whatever the callers of `check` hand in.
    """
    words = set()
    for text in context:
        pieces = _WORD.findall(_plain(text))
        words |= {*pieces, "".join(pieces)}
    long_enough = (word for word in words if len(word) >= _SHORTEST_CONTEXT_WORD)
    return tuple(sorted(long_enough, key=lambda word: (-len(word), word)))


def _plain(text: str) -> str:
    """Without case and accents: Meikäläinen and MEIKALAINEN are one name."""
    decomposed = unicodedata.normalize("NFD", text[:MAX_TYPED_LENGTH].casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _without(words: Iterable[str], text: str) -> str:
    for word in words:
        text = text.replace(word, " ")
    return text
