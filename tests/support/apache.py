"""A real Apache with mod_auth_openidc, on a free port, with a folder of its own for everything that it writes."""

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import LOOPBACK, is_open
from tests.support.processes import Program, short_temporary_folder

PACKAGES = ("apache2", "libapache2-mod-auth-openidc")
_MODULES = Path("/usr/lib/apache2/modules")

# A server for one folder of pages. The headers tell what an application behind the module gets to know.
_SERVER = """\
ServerRoot {folder}
ServerName {host}
Listen {host}:{port}
PidFile {folder}/pid
ErrorLog {folder}/errors
Mutex file:{folder} default
DefaultRuntimeDir {folder}
{modules}
DocumentRoot {folder}/pages
DirectoryIndex index.html
<Directory {folder}/pages>
    Require all granted
</Directory>
Header set X-Remote-User "expr=%{{REMOTE_USER}}"
Header set X-Claim-Name "%{{OIDC_CLAIM_name}}e"
Header set X-Claim-Email "%{{OIDC_CLAIM_email}}e"
"""
_NEEDED = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "headers", "auth_openidc")


def find_binary() -> str | None:
    return shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def available() -> bool:
    return find_binary() is not None and (_MODULES / "mod_auth_openidc.so").is_file()


@contextmanager
def serving(configuration: str, pages: dict[str, str], port: int) -> Iterator[None]:
    """A server at that port; `configuration` is what goes into its virtual host, `pages` are files by their path."""
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None  # Apache serves no pages as root
    binary = find_binary()
    assert binary is not None
    with short_temporary_folder("tunnus-apache-", owner=user) as folder:
        for path, text in pages.items():
            page = folder / "pages" / path
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
        modules = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _NEEDED)
        server = _SERVER.format(folder=folder, host=LOOPBACK, port=port, modules=modules)
        (folder / "apache.conf").write_text(server + configuration, encoding="utf-8")
        program = Program(
            [binary, "-DFOREGROUND", "-f", folder / "apache.conf"],
            log=folder / "log",
            user=user,
            folder=folder,
        )
        try:
            program.wait_until(lambda: is_open(port))
            yield
        finally:
            program.stop()
