"""For load balancers: /healthz, this process lives; /readyz, it can also do its work."""

from flask import Blueprint, Flask, Response, jsonify

from idp import database
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
    try:
        database.ping()
        keyring().jwks()
    except DatabaseUnavailable:
        response = jsonify(status="database unavailable")
        response.status_code = 503
        return response
    return jsonify(status="ok")
