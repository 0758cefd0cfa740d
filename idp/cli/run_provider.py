"""The provider of a demo, as a process of its own: `python -m idp.cli.run_provider <settings file>...`."""

import sys
from pathlib import Path

from idp import serving, settings


def main() -> None:
    files = [Path(name) for name in sys.argv[1:]]
    serving.serve(settings.load(*files), files)


if __name__ == "__main__":
    main()
