import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.passwords import (
    MAX_TYPED_LENGTH,
    PRINTED_SPECIAL_CHARACTERS,
    CharacterClass,
    Fault,
    PasswordPolicy,
    Profile,
    Rule,
    RuleKind,
    UnusablePassword,
    classify,
    context_words,
    normalise,
)

CLASSES = PasswordPolicy.for_profile("classes")
LENGTH = PasswordPolicy.for_profile("length")
MAIJA = (
    "Maija",
    "Meikäläinen",
    "maija.meikalainen@example.fi",
    "Esimerkkikunta",
    "Asiointitunnus",
)

any_text = st.text(st.characters(codec=None), max_size=300)
usual_text = st.text("abcXYZåäöÅÄÖ0189 ;½§!£", max_size=40)


def with_the_listed_rules_alone(profile: str) -> PasswordPolicy:
    return PasswordPolicy(
        profile=Profile(profile),
        min_length=PasswordPolicy.for_profile(profile).min_length,
        is_common=lambda _password: False,
    )


class TestTheSourceDocumentsRule:
    @pytest.mark.parametrize(
        "password", ["Aa1;bb", "Aa1½bb", "Ää1§öö", "Aa1:bb", "Aa1/bb", "Åå1½åå", "ÖÖö0£ä", "Aa1 b;"]
    )
    def test_accepts(self, password):
        assert CLASSES.check(password) == ()

    @pytest.mark.parametrize("special", PRINTED_SPECIAL_CHARACTERS)
    def test_accepts_each_printed_special_character(self, special):
        assert CLASSES.check(f"Aa1{special}bb") == ()

    def test_prints_the_list_of_the_seed(self):
        assert set(PRINTED_SPECIAL_CHARACTERS) == set(";:,._-'*~^`+?=()[]{}/!\"#£@§½")
        assert len(PRINTED_SPECIAL_CHARACTERS) == 28

    @pytest.mark.parametrize("special", ["\\", "€", "&", "%", "<", "|", "¤", "´", "²", "Ⅷ", "😀"])
    def test_accepts_special_characters_that_are_not_printed(self, special):
        assert CLASSES.check(f"Aa1{special}bb") == ()

    @pytest.mark.parametrize(
        ("password", "fault"),
        [
            ("Aa1Sbb", Fault.NEEDS_SPECIAL),
            ("aa1;bb", Fault.NEEDS_UPPER),
            ("AA1;BB", Fault.NEEDS_LOWER),
            ("Aab;bb", Fault.NEEDS_DIGIT),
            ("Aa1;b", Fault.TOO_SHORT),
            ("Aa1 bb", Fault.NEEDS_SPECIAL),
            ("Aa1\tbb", Fault.NEEDS_SPECIAL),
            ("Aa1\x7fbb", Fault.NEEDS_SPECIAL),
            ("Aaäöbb;", Fault.NEEDS_DIGIT),
            ("Aa½;bb", Fault.NEEDS_DIGIT),
            ("Aa²;bb", Fault.NEEDS_DIGIT),
        ],
    )
    def test_refuses(self, password, fault):
        assert CLASSES.check(password) == (fault,)

    def test_names_every_broken_rule_in_the_order_of_the_page(self):
        assert CLASSES.check("") == (
            Fault.TOO_SHORT,
            Fault.NEEDS_SPECIAL,
            Fault.NEEDS_DIGIT,
            Fault.NEEDS_LOWER,
            Fault.NEEDS_UPPER,
        )

    def test_is_what_the_page_lists(self):
        assert [(rule.kind.value, rule.minimum) for rule in CLASSES.rules] == [
            ("length", 6),
            ("special", 1),
            ("digit", 1),
            ("lower", 1),
            ("upper", 1),
        ]


class TestTheLengthProfile:
    def test_needs_fifteen_characters(self):
        assert LENGTH.check("hirvi soutaa v") == (Fault.TOO_SHORT,)
        assert LENGTH.check("hirvi soutaa ve") == ()

    def test_has_no_rule_of_composition(self):
        assert LENGTH.rules == (Rule(RuleKind.LENGTH, 15),)
        assert LENGTH.check("правильная лошадь") == ()

    @pytest.mark.parametrize(
        "password",
        [
            "passwordpassword1",
            "12345678901234567",
            "aaaaaaaaaaaaaaaa",
            "salasanasalasana",
            "qwertyuiopasdfgh",
        ],
    )
    def test_refuses_long_passwords_that_are_common(self, password):
        assert LENGTH.check(password) == (Fault.COMMON,)


class TestLengths:
    def test_are_counted_in_code_points_after_nfc(self):
        assert CLASSES.check(unicodedata.normalize("NFD", "Ää1§ö")) == (Fault.TOO_SHORT,)
        assert CLASSES.check(unicodedata.normalize("NFD", "Ää1§öö")) == ()
        assert CLASSES.check("Aa1;😀") == (Fault.TOO_SHORT,)

    @pytest.mark.parametrize("length", [64, 72, 73, 128, 256])
    def test_of_long_passwords_are_accepted(self, length):
        assert CLASSES.check("Pitkä lause, 1 kerrallaan: " + "x" * (length - 27)) == ()

    def test_over_the_maximum_are_refused_without_looking_further(self):
        assert CLASSES.check("Ä" * 256) != (Fault.TOO_LONG,)
        assert CLASSES.check("Ä" * 257) == (Fault.TOO_LONG,)

    def test_at_the_maximum_are_counted_after_nfc(self):
        assert Fault.TOO_LONG not in CLASSES.check(unicodedata.normalize("NFD", "ᾂ" * 256))

    @pytest.mark.parametrize("text", ["a" * 10_000, "a" + "\u0301\u0323" * 5_000, "A1;" * 1_000_000])
    def test_far_over_the_maximum_cost_no_time(self, text):
        started = time.perf_counter()
        assert CLASSES.check(text, MAIJA) == (Fault.TOO_LONG,)
        assert time.perf_counter() - started < 0.05

    @pytest.mark.parametrize(
        ("profile", "min_length"), [("classes", 5), ("classes", 65), ("length", 14), ("length", 65)]
    )
    def test_outside_what_is_allowed_stop_the_start(self, profile, min_length):
        with pytest.raises(ValueError, match="min_length"):
            PasswordPolicy.for_profile(profile, min_length)

    @pytest.mark.parametrize("max_length", [127, 1025])
    def test_of_the_maximum_have_bounds(self, max_length):
        with pytest.raises(ValueError, match="max_length"):
            PasswordPolicy(profile=Profile.CLASSES, min_length=6, max_length=max_length)

    @pytest.mark.parametrize(("given_length", "length"), [(None, 6), (0, 6), (10, 10)])
    def test_of_zero_are_the_profiles_own(self, given_length, length):
        assert PasswordPolicy.for_profile("classes", given_length).min_length == length

    def test_of_an_unknown_profile_do_not_exist(self):
        with pytest.raises(ValueError, match="seed"):
            PasswordPolicy.for_profile("seed")


class TestNormalising:
    def test_makes_one_of_composed_and_decomposed_letters(self):
        assert normalise("A\u0308a\u030a") == "Äå"

    def test_keeps_a_half_a_half(self):
        assert normalise("½²ﬁ") == "½²ﬁ"

    def test_trims_and_folds_nothing(self):
        assert normalise(" Salasana\n") == " Salasana\n"

    @pytest.mark.parametrize("text", ["\ud800", "Aa1;bb\udfff", "a" * (MAX_TYPED_LENGTH + 1)])
    def test_refuses_what_cannot_be_hashed(self, text):
        with pytest.raises(UnusablePassword):
            normalise(text)

    def test_makes_half_a_surrogate_pair_a_fault_of_its_own(self):
        assert CLASSES.check("Aa1;bb\ud83d") == (Fault.UNUSABLE,)


class TestClassify:
    @pytest.mark.parametrize(
        ("characters", "expected"),
        [
            ("aåäößпα", CharacterClass.LOWER),
            ("AÅÄÖẞПΑ", CharacterClass.UPPER),
            ("09٣", CharacterClass.DIGIT),
            (PRINTED_SPECIAL_CHARACTERS + "\\²Ⅷ€😀", CharacterClass.SPECIAL),
            (" \u00a0\u2003\t\n\0\x85漢אǅª", None),
        ],
    )
    def test_goes_by_the_unicode_category(self, characters, expected):
        assert {char: classify(char) for char in characters} == dict.fromkeys(characters, expected)

    def test_does_not_fall_for_isalnum(self):
        assert "½".isalnum()
        assert classify("½") is CharacterClass.SPECIAL


class TestContext:
    @pytest.mark.parametrize(
        "password",
        [
            "Meikäläinen1!",
            "meikäläinen1!A",
            "Meikalainen1!",
            "1!Meikäläinen",
            "M31käl4inen1!",
            "MaijaMeikäläinen1!",
            "Maija.Meikäläinen.83925",
            "MaijaSalasana1!",
            "Esimerkkikunta2026!",
            "Asiointitunnus#1",
            "Example.fi1",
        ],
    )
    def test_refuses_a_name_with_decoration(self, password):
        assert Fault.CONTAINS_CONTEXT in CLASSES.check(password, MAIJA)

    @pytest.mark.parametrize(
        "password", ["Meikäläinen soutaa 3 hirveä!", "MaijaKxqvt#1", "Tuuli&ankka4", "Maj1a;kvtz"]
    )
    def test_allows_a_name_within_a_password_of_its_own(self, password):
        assert CLASSES.check(password, MAIJA) == ()

    def test_asks_more_of_the_rest_when_passwords_are_long(self):
        assert LENGTH.check("maija meikäläinen soutaa", MAIJA) == (Fault.CONTAINS_CONTEXT,)
        assert LENGTH.check("maija meikäläinen soutaa yöllä", MAIJA) == ()

    def test_words_have_four_letters_or_more(self):
        assert context_words(["Li", "Eva-Ly"]) == ("evaly",)

    def test_words_come_from_names_and_addresses(self):
        assert context_words(["Anna-Liisa", "al.ÖSTERMAN85@example.fi"]) == (
            "alostermanexamplefi",
            "annaliisa",
            "osterman",
            "example",
            "liisa",
            "anna",
        )

    def test_without_words_refuses_nothing(self):
        assert CLASSES.check("Aa1;bb", ["", "  ", "\ud800", "1985"]) == ()


class TestProperties:
    @given(any_text, st.lists(any_text, max_size=3))
    def test_no_text_makes_check_raise(self, password, context):
        for policy in (CLASSES, LENGTH):
            faults = policy.check(password, context)
            assert len(set(faults)) == len(faults)

    @given(usual_text, usual_text)
    def test_typing_more_never_breaks_a_rule(self, password, more):
        for policy in map(with_the_listed_rules_alone, ("classes", "length")):
            assert set(policy.check(password + more)) <= set(policy.check(password))

    @given(usual_text)
    def test_the_listed_rules_are_all_the_rules(self, password):
        for policy in map(with_the_listed_rules_alone, ("classes", "length")):
            broken = tuple(rule.fault for rule in policy.rules if not rule.is_met_by(normalise(password)))
            assert policy.check(password) == broken

    @given(any_text)
    def test_composed_and_decomposed_are_one_password(self, password):
        composed, decomposed = (unicodedata.normalize(form, password) for form in ("NFC", "NFD"))
        assert CLASSES.check(composed, MAIJA) == CLASSES.check(decomposed, MAIJA)

    @given(st.characters(exclude_categories=["Cs"]))
    def test_every_character_is_in_one_class_at_most(self, char):
        letter = unicodedata.category(char).startswith("L")
        assert not (letter and classify(char) in {CharacterClass.SPECIAL, CharacterClass.DIGIT})

    def test_policies_are_values(self):
        assert PasswordPolicy.for_profile("classes") == CLASSES
        assert len({CLASSES, LENGTH, PasswordPolicy.for_profile("length", 15)}) == 2
