"""Makes the login guide: a tagged PDF (PDF/UA-1) in each language, from the text of /help. See `make guide`.

Without --config it makes those that come with Tunnus, beside this file. With it, those of a municipality.
The same text and settings give the same file, as long as WeasyPrint and the fonts stay the same.
"""

from datetime import date
from pathlib import Path

import click
from flask import Flask, render_template
from flask_babel import format_date
from markupsafe import Markup

from idp import settings, texts
from idp.accounts import statements
from idp.settings import Settings, UnusableSettings
from idp.texts import localized
from idp.web import guide, overrides

OURS = Path(__file__).parent
COLOUR = "#0a4d78"  # that of templates/assets/tunnus.css

# No guide needs them: those of an operator may be elsewhere.
UNUSED = {"mode": "demo", "issuer": "http://localhost", "secrets": {"keys": ["A" * 43]}}


def guide_app(chosen: Settings) -> Flask:
    """As much of Tunnus as its texts need."""
    app = Flask("guide")
    app.extensions["settings"] = chosen
    texts.init_app(app, chosen)
    statements.init_app(app, chosen)
    overrides.init_app(app, chosen)
    return app


def page(app: Flask, language: str) -> str:
    """The guide as HTML that is meant for paper."""
    site = app.extensions["settings"].site
    with app.test_request_context(f"/?lang={language}"):
        text = statements.statement("help", language)
        return render_template(
            "guide/guide.html",
            language=language,
            guide=text,
            date=format_date(date.fromisoformat(text.date), "long"),
            html=Markup(text.html),  # noqa: S704  rendered by us, without raw HTML
            site={
                "name": localized(site.name),
                "contact_email": site.contact_email,
                "contact_phone": site.contact_phone,
            },
            colour=site.theme.colour or COLOUR,
        )


def write(chosen: Settings, folder: Path) -> list[Path]:
    """Write the guide of every language into the folder. Raises ClickException where WeasyPrint cannot run."""
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:
        message = "WeasyPrint does not run here: `make guide` installs it, and README.md names its libraries"
        raise click.ClickException(f"{message} ({str(error).splitlines()[0]})") from error

    app = guide_app(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for language in chosen.site.languages:
        with app.app_context():
            identifier = guide.fingerprint(chosen, statements.statement("help", language))
        target = folder / guide.file_name(language)
        HTML(string=page(app, language)).write_pdf(target, pdf_variant="pdf/ua-1", pdf_identifier=identifier)
        written.append(target)
    return written


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="The settings file of your municipality.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to. Without it: guide/ of your overrides folder.",
)
def main(config: Path | None, output: Path | None) -> None:
    """Make the login guide as a PDF in every language."""
    try:
        chosen = settings.load(*([config] if config else []), overrides=UNUSED)
        if output is None and config is None:
            output = OURS
        elif output is None:
            if not chosen.folders.overrides:
                raise click.UsageError("folders.overrides is not set: say --output FOLDER")
            output = Path(chosen.folders.overrides) / "guide"
        for path in write(chosen, output):
            click.echo(path)
    except UnusableSettings as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
