"""What an operator should know of the settings of a broker, beyond what stops the start."""

from idp.settings import Settings
from idp.upstream import dialects


def advice(settings: Settings) -> list[str]:
    """Sentences, none where all is well or there is no broker."""
    section = settings.upstream
    if not section.on:
        return []
    said = []
    if not section.trusted_keys:
        said.append(
            "The broker's keys are believed without a signature (upstream.trusted_keys is empty): outside the profile"
            " of the Finnish Trust Network."
        )
    if missing := dialects.missing_scopes(section):
        said.append(
            f"upstream.scope lacks {', '.join(missing)}, which the dialect {section.claims_dialect} needs to tell who"
            " somebody is."
        )
    return said
