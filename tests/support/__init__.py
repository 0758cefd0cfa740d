"""Real surroundings for the tests: PostgreSQL, Redis, an SMTP server, a browser.

Each module gives plain context managers; `tests/conftest.py` makes fixtures of them. Nothing here imports
`idp`.
"""
