"""The municipality's colours and fonts: on pages and in mails, and never such that people could not read them."""

import pytest

from idp import create_app
from idp.policy import contrast
from idp.settings import UnusableSettings
from tests.conftest import AppFactory, make_settings
from tests.pages.steps import letter, register
from tests.support import journey
from tests.support.people import People

GREEN = {"colour": "#0b5d3b", "on_colour": "#ffffff"}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@SQLITE
def test_the_colours_reach_pages_and_mails(make_app: AppFactory) -> None:
    app = make_app(site={"theme": GREEN})
    browser = app.test_client()
    page = browser.get("/create-account")
    sheets = [link["href"] for link in journey.soup(page).select("link[rel=stylesheet]")]
    register(browser)

    assert sheets[-1].startswith("/theme.css?v=")  # after ours
    assert "--municipality-colour: #0b5d3b;" in browser.get(sheets[-1]).text
    assert "background-color:#0b5d3b" in letter(People(app), "activation").html


@SQLITE
def test_without_colours_of_their_own_there_is_no_further_stylesheet(make_app: AppFactory) -> None:
    assert "/theme.css" not in make_app().test_client().get("/login").text


@pytest.mark.parametrize(
    ("theme", "key"),
    [
        ({"colour": "#ffcc00"}, "colour"),  # yellow links on white
        ({"colour": "#0b5d3b", "on_colour": "#0a4d78"}, "on_colour"),
        ({"colour_dark": "#0a4d78"}, "colour_dark"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_colours_that_people_cannot_read_stop_the_start(theme: dict[str, str], key: str) -> None:
    with pytest.raises(UnusableSettings, match=f"site.theme.{key}: "):
        create_app(make_settings(site={"theme": theme}))


@pytest.mark.parametrize("value", ["red; } body { display: none", "url(https://x.example/a)", "a\\62"])
def test_a_theme_is_values_and_nothing_else(value: str) -> None:
    with pytest.raises(UnusableSettings, match="must be a plain value"):
        make_settings(site={"theme": {"font": value}})


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#fff", 21), ("#fff", "#ffffff", 1), ("#777", "#fff", 4.48), ("#767676", "#FFF", 4.54)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast.ratio(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast.ratio(other, one) == contrast.ratio(one, other)
