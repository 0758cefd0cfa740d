import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.policy.usernames import (
    MAX_NAME_LENGTH,
    UNUSABLE,
    AuthorityNamePattern,
    EmailAddress,
    NotAnEmailAddress,
    UnsuitablePattern,
    UsernameKind,
    comparison_key,
    kind_of,
)

any_text = st.text(st.characters(codec=None), max_size=300)
address_like = st.builds("{}@{}".format, any_text, st.text(st.characters(codec=None), max_size=60))


class TestComparisonKeyOfAddresses:
    @pytest.mark.parametrize(
        "typed",
        [
            "maija@example.fi",
            " Maija@Example.FI ",
            "MAIJA@EXAMPLE.FI\n",
            "\u00a0maija@example.fi",
            "maija@ＥＸＡＭＰＬＥ.fi",
            "maija@example。fi",
        ],
    )
    def test_is_the_same_however_it_is_typed(self, typed):
        assert comparison_key(typed) == "maija@example.fi"

    @pytest.mark.parametrize(
        "typed",
        [
            "maija@Ääkkönen.fi",
            "maija@ääkkönen.fi",
            "maija@xn--kknen-fraa0m.fi",
            "MAIJA@XN--KKNEN-FRAA0M.FI",
        ],
    )
    def test_of_a_domain_is_its_a_label(self, typed):
        assert comparison_key(typed) == "maija@xn--kknen-fraa0m.fi"

    @pytest.mark.parametrize("name", ["İ@example.fi", "ı@example.fi", "ÄITI@example.fi", "ẞ@example.fi"])
    def test_leaves_letters_outside_ascii_alone(self, name):
        assert comparison_key(name) == name.replace("ITI", "iti")

    def test_keeps_turkish_letters_apart(self):
        assert len({comparison_key(f"{letter}@example.fi") for letter in "iIıİ"}) == 3
        assert comparison_key("I@example.fi") == comparison_key("i@example.fi")

    def test_is_the_same_composed_and_decomposed(self):
        assert comparison_key("p\u00e4ivi@example.fi") == comparison_key("pa\u0308ivi@example.fi")

    def test_composes_what_lowering_made_composable(self):
        assert comparison_key("H\u0331@example.fi") == comparison_key("\u1e96@example.fi")

    def test_keeps_dots_and_tags(self):
        assert comparison_key("M.Meik+kunta@Example.fi") == "m.meik+kunta@example.fi"

    def test_divides_at_the_last_at_sign(self):
        assert comparison_key('"Ä@B"@Ä.fi') == '"Ä@b"@xn--4ca.fi'

    @pytest.mark.parametrize("name", ["maija@", "@example.fi", "@", "maija@ä..fi", "maija@" + "ä" * 100])
    def test_of_a_broken_address_is_still_a_key(self, name):
        assert comparison_key(name) == name


class TestComparisonKeyOfAuthorities:
    def test_lowers_ascii_alone(self):
        assert comparison_key(" RAK-Virtanen1 ") == "rak-virtanen1"
        assert comparison_key("RAK-Ä") == "rak-Ä"


class TestComparisonKeyOfAnything:
    @pytest.mark.parametrize(
        "name",
        [
            "maija\0@example.fi",
            "\ud800",
            "maija@\udfff.fi",
            "a" * 255,
            "a" * 250 + "@example.fi",
            "x" * 1_000_000,
            "maija@" + "ä." * 5_000,
        ],
    )
    def test_that_can_name_nobody_is_short_and_storable(self, name):
        key = comparison_key(name)
        assert key.startswith(UNUSABLE)
        assert len(key) == len(UNUSABLE) + 64
        assert key.isascii()

    def test_tells_unusable_names_apart(self):
        assert comparison_key("a" * 300) != comparison_key("a" * 301)

    @given(any_text | address_like)
    @example("\u0345@ß.ẞ")
    @example("a@\u2488com.b")
    def test_never_raises_and_is_its_own_key(self, name):
        key = comparison_key(name)
        key.encode("utf-8")
        assert len(key) <= MAX_NAME_LENGTH
        assert comparison_key(key) == key
        assert unicodedata.is_normalized("NFC", key)
        assert not any("A" <= char <= "Z" or char == "\0" for char in key)


class TestEmailAddress:
    def test_keeps_the_persons_own_spelling(self):
        maija = EmailAddress.parse(" Maija.Meikäläinen@Ääkkönen.FI ")
        assert str(maija) == maija.address == "Maija.Meikäläinen@ääkkönen.fi"
        assert maija.key == comparison_key("maija.Meikäläinen@ÄÄKKÖNEN.fi")
        assert maija.local_part == "Maija.Meikäläinen"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "maija",
            "maija@",
            "@example.fi",
            "maija@example",
            "maija@@example.fi",
            "maija meikäläinen@example.fi",
            "maija@example.fi, toinen@example.fi",
            "Maija <maija@example.fi>",
            "maija@example.fi\nBcc: toinen@example.fi",
            "maija@exa mple.fi",
            "maija@[127.0.0.1]",
            "maija..m@example.fi",
            "maija\0@example.fi",
            "maija\ud800@example.fi",
            "a" * 65 + "@example.fi",
            "a@" + "b" * 64 + ".fi",
            "x" * 1_000_000 + "@example.fi",
        ],
    )
    def test_refuses_what_no_mail_can_be_sent_to(self, text):
        with pytest.raises(NotAnEmailAddress):
            EmailAddress.parse(text)

    def test_allows_254_characters_and_no_more(self):
        longest = "a" * 64 + "@" + ".".join(["b" * 62] * 3) + ".fi"
        assert len(longest) == 256
        assert EmailAddress.parse(longest[2:]).key == longest[2:]
        with pytest.raises(NotAnEmailAddress):
            EmailAddress.parse(longest[1:])

    def test_refuses_an_address_whose_key_would_be_too_long(self):
        with pytest.raises(NotAnEmailAddress, match="too long"):
            EmailAddress.parse("ä" * 10 + "@" + "ä." * 31 + "fi")

    @given(any_text | address_like)
    def test_refuses_with_its_own_error_alone(self, text):
        try:
            address = EmailAddress.parse(text)
        except NotAnEmailAddress:
            return
        assert kind_of(address.address) is UsernameKind.RESIDENT
        assert comparison_key(address.address) == address.key


class TestKinds:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("maija@example.fi", UsernameKind.RESIDENT),
            ("@", UsernameKind.RESIDENT),
            ("rak-virtanen", UsernameKind.AUTHORITY),
            ("", UsernameKind.AUTHORITY),
        ],
    )
    def test_are_told_apart_by_the_at_sign(self, name, kind):
        assert kind_of(name) is kind


class TestAuthorityNames:
    @pytest.mark.parametrize("name", ["rak-virtanen", "RAK-Virtanen2", " kaava-abc "])
    def test_have_their_form(self, name):
        assert AuthorityNamePattern().matches(name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "rak",
            "r-virtanen",
            "rak-vi",
            "rak-virtanen!",
            "rak-virtanen@example.fi",
            "rak-väinö",
            "rak-١٢٣",
        ],
    )
    def test_of_another_form_are_none(self, name):
        assert not AuthorityNamePattern().matches(name)

    @pytest.mark.parametrize(
        "pattern",
        ["[a-z]{2,8}-[a-z0-9]{3,20}", r"v\d{6}", r"(?:rak|kaava)-[a-z]+", r"[a-z]+\.[a-z.-]+", "(a|b)?c"],
    )
    def test_patterns_of_plain_parts_are_allowed(self, pattern):
        assert AuthorityNamePattern(pattern).pattern == pattern

    @pytest.mark.parametrize(
        "pattern",
        [
            "",
            "[a-z]*",
            ".+",
            "[^x]+",
            r"\S+",
            r"\D+",
            "[!-z]+",
            "a@b",
            r"a\x40b",
            r"[\x40]",
            "(?s:.)",
            "[a-z",
            "(a",
            "a)",
            "[z-a]",
            "(a+)+",
            "(?i)rak",
            "RAK-[a-z]+",
            "a|",
        ],
    )
    def test_patterns_that_could_mean_more_are_refused(self, pattern):
        with pytest.raises(UnsuitablePattern):
            AuthorityNamePattern(pattern)

    @pytest.mark.parametrize(
        ("names", "shown"),
        [
            (AuthorityNamePattern(), "kunta-kaavoitus"),
            (AuthorityNamePattern("[a-z-]+"), "kunta-kaavoitus"),
            (AuthorityNamePattern(r"v\d{6}"), None),
            (AuthorityNamePattern(r"v\d{6}", "v123456"), "v123456"),
        ],
    )
    def test_the_example_always_has_the_form(self, names, shown):
        assert names.shown_example == shown

    def test_an_example_of_another_form_is_refused(self):
        with pytest.raises(UnsuitablePattern, match="authority_username_example"):
            AuthorityNamePattern(r"v\d{6}", "kunta-kaavoitus")

    @given(st.text("ab09[]^-.*+?{},()|\\dSDx@40_", max_size=12), address_like)
    def test_no_pattern_ever_matches_an_address(self, pattern, address):
        try:
            names = AuthorityNamePattern(pattern)
        except UnsuitablePattern:
            return
        assert not names.matches(address)
        assert not names.matches("a@b")
        assert not names.matches("@")
