"""Files that a command writes."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@contextmanager
def written(file: Path, force: bool) -> Iterator[Callable[[str], object]]:
    """Writes into `file`, which appears once it is whole, readable by its owner alone; "-" is stdout."""
    if str(file) == "-":
        yield sys.stdout.write
        return
    if file.exists() and not force:
        raise click.ClickException(f"{file} exists already; --force replaces it")
    try:
        stream = tempfile.NamedTemporaryFile(  # noqa: SIM115 (closed below, where it is also renamed)
            "w", encoding="utf-8", newline="", dir=file.parent, prefix=f".{file.name}-", delete=False
        )
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    unfinished = Path(stream.name)
    try:
        with stream:
            yield stream.write
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
