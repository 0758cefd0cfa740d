"""Relying parties that a browser can visit: any WSGI app served on a port, stopped and started again; and a small one
that is told of logouts in frames (Front-Channel Logout) and that watches the session (Session Management).
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, request, session
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@contextmanager
def serving(app: Flask, port: int, *, host: str = "localhost") -> Iterator[None]:
    """The app, at that port of this machine."""
    server = make_server(host, port, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Section 3.1 of Session Management: a frame of the provider, asked now and then; `ask` asks once.
_WATCHING = """<!DOCTYPE html><html lang="en"><head><title>Watching</title><link rel="icon" href="data:,"></head><body>
<main><h1>Watching</h1><p id="answer">none</p></main>
<iframe id="op" src="%(frame)s" title="session" hidden></iframe>
<script>
  const frame = document.getElementById("op"), provider = new URL(frame.src).origin;
  const waiting = [];
  addEventListener("message", (event) => { if (event.origin === provider) waiting.shift()(event.data); });
  const ask = (text) => new Promise((resolve) => {
    waiting.push(resolve);
    frame.contentWindow.postMessage(text, provider);
  });
  const watch = async () => {
    document.getElementById("answer").textContent = await ask("%(client_id)s %(state)s");
    setTimeout(watch, 100);
  };
  if (%(often)s) addEventListener("load", watch);
</script></body></html>"""


class Party:
    """A small relying party. `logins` are its sessions: what its cookie says, and the `sid` at the provider."""

    def __init__(self, issuer: str, client_id: str, secret: str | None, port: int) -> None:
        self.address = f"http://localhost:{port}"
        self.logins: dict[str, dict[str, Any]] = {}
        self.stuck = threading.Event()  # set: the page for frames does not answer
        self.go_on = threading.Event()
        self._issuer = issuer
        self.app = Flask(client_id)
        self.app.secret_key = secrets.token_hex()
        self.app.config["SESSION_COOKIE_NAME"] = f"session_{client_id}"
        oauth = OAuth(self.app)
        self._client = oauth.register(
            "provider",
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_id=client_id,
            client_secret=secret,
            client_kwargs={"scope": "openid", "code_challenge_method": "S256"},
        )
        for path, view in (
            ("/", self._front),
            ("/login", self._log_in),
            ("/callback", self._callback),
            ("/logout", self._log_out),
            ("/logged-out", self._logged_out),
            ("/forget", self._forget),
            ("/watch", self._watch),
        ):
            self.app.add_url_rule(path, view.__name__, view)

    def _me(self) -> dict[str, Any] | None:
        return self.logins.get(session.get("login", ""))

    def _front(self) -> str:
        return _page("Logged in" if self._me() else "Nobody")

    def _log_in(self) -> Response:
        answer: Response = self._client.authorize_redirect(f"{self.address}/callback")
        return answer

    def _callback(self) -> Response:
        claims = self._client.authorize_access_token()
        session["login"] = secrets.token_urlsafe()
        self.logins[session["login"]] = {
            "sid": claims["userinfo"]["sid"],
            "id_token": claims["id_token"],
            "session_state": request.args.get("session_state"),
        }
        return redirect("/")

    def _log_out(self) -> Response:
        me = self.logins.pop(session.pop("login", ""))
        answer: Response = self._client.logout_redirect(
            post_logout_redirect_uri=f"{self.address}/logged-out", id_token_hint=me["id_token"]
        )
        return answer

    def _logged_out(self) -> str:
        return _page("Logged out")

    def _forget(self) -> Response:
        """Section 3 of Front-Channel Logout. By `sid`: a browser may keep our cookie back in a frame."""
        if self.stuck.is_set():
            self.go_on.wait(60)
        if request.args["iss"] == self._issuer:
            sid = request.args["sid"]
            self.logins = {key: login for key, login in self.logins.items() if login["sid"] != sid}
        return Response(_page("Forgotten"), mimetype="text/html", headers={"Cache-Control": "no-store"})

    def _watch(self) -> str:
        """With `?quiet` nothing is asked but what a test asks; without a login too."""
        state = (self._me() or {}).get("session_state")
        frame = self._client.load_server_metadata()["check_session_iframe"]
        often = "false" if "quiet" in request.args else "true"
        return _WATCHING % {"frame": frame, "client_id": self.app.name, "state": state, "often": often}


def _page(text: str) -> str:
    head = f'<head><title>{text}</title><link rel="icon" href="data:,"></head>'
    return f'<!DOCTYPE html><html lang="en">{head}<body><h1>{text}</h1></body></html>'
