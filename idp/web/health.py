"""For load balancers: /healthz, this process lives; /readyz, it can also do its work."""

from flask import Blueprint, Flask, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from idp import database, leaving
from idp.database import DatabaseUnavailable
from idp.keys import keyring

health = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(health)


@health.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> Response:
    if leaving.has_begun():
        return _not_ready("stopping")
    try:
        database.ping()
        keyring().jwks()
    except DatabaseUnavailable:
        return _not_ready("database unavailable")
    except SQLAlchemyError as error:
        if not database.lacks_tables(error):
            raise
        return _not_ready("tables missing: idp migrate")
    return jsonify(status="ok")


def _not_ready(status: str) -> Response:
    response = jsonify(status=status)
    response.status_code = 503
    return response
