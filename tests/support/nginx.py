"""A real nginx with the configuration that operators are given, on free ports, in a folder of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from idp.settings import project_folder
from tests.support.hostile import Identity
from tests.support.ports import LOOPBACK, free_port, is_open
from tests.support.processes import Program, short_temporary_folder

PACKAGES = ("nginx-light",)
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find_binary() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True)
class Nginx:
    port: int
    plain_port: int
    folder: Path

    @property
    def access_log(self) -> str:
        return (self.folder / "access.log").read_text()


def _configuration(folder: Path, identity: Identity, provider: int, port: int, plain_port: int) -> str:
    """The example with other ports and paths, and what Debian has around it; nothing else of it is changed."""
    text = (project_folder("config") / "nginx.example.conf").read_text(encoding="utf-8")
    for old, new in {
        "127.0.0.1:8400": f"{LOOPBACK}:{provider}",
        "listen 80;": f"listen {LOOPBACK}:{plain_port};",
        "listen [::]:80;": "",
        "listen 443 ssl;": f"listen {LOOPBACK}:{port} ssl;",
        "listen [::]:443 ssl;": "",
        "/etc/ssl/tunnus.example.fi.pem": str(identity.file),
        "/etc/ssl/private/tunnus.example.fi.key": str(identity.file),
        "/var/log/nginx/tunnus.log": str(folder / "access.log"),
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    paths = "\n".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
    user = "user nobody nogroup;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/errors;\n"
        f"events {{}}\nhttp {{\n{paths}\n{text}\n}}\n"
    )


@contextmanager
def serving(identity: Identity, provider: int) -> Iterator[Nginx]:
    """An nginx in front of the provider at that port; that it takes its configuration is asked first (`nginx -t`)."""
    binary = find_binary()
    assert binary is not None
    with short_temporary_folder("tunnus-nginx-") as folder:
        found = Nginx(free_port(), free_port(), folder)
        file = folder / "nginx.conf"
        file.write_text(_configuration(folder, identity, provider, found.port, found.plain_port))
        command = [binary, "-p", str(folder), "-e", str(folder / "errors"), "-c", str(file)]
        asked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60, check=False)
        assert asked.returncode == 0, asked.stderr
        program = Program(command, log=folder / "log")
        try:
            program.wait_until(lambda: is_open(found.port))
            yield found
        finally:
            program.stop()
