"""The login guide as a PDF: writing it as `make guide` does, and looking into it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.generic import DictionaryObject

TOOL = Path(__file__).parents[2] / "templates" / "guide" / "write.py"
COMMITTED = TOOL.parent
PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-liberation")
NUMBER_OF_PAGE = re.compile(r"(Sivu \d+/|Sida \d+ av |Page \d+ of )\d+$")
MARKER = re.compile(r"•|\d+\.")  # of a list item; a PDF draws it before or after the text


def can_be_written() -> bool:
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):  # OSError: Pango is missing
        return False
    return True


def write(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the tool as `make guide ARGS="..."` does."""
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments], capture_output=True, text=True, timeout=60, **options
    )


def squeezed(text: str) -> str:
    """The text without spaces, since lines end where they will, and without the markers of lists."""
    return "".join(word for word in text.split() if not MARKER.fullmatch(word))


class Guide:
    """One PDF."""

    def __init__(self, path: Path) -> None:
        self.reader = PdfReader(path)
        self.catalogue = self.reader.root_object

    def text(self) -> str:
        """The text without spaces, and without what stands below each page."""
        lines = [line for page in self.reader.pages for line in page.extract_text().splitlines()]
        body = [line for line in lines if not NUMBER_OF_PAGE.search(line)]
        assert len(lines) - len(body) == len(self.reader.pages), "each page has its number"
        return squeezed(" ".join(body))

    def headings(self) -> list[str]:
        return list(self._titles(self.reader.outline))

    def _titles(self, outline: Any) -> list[str]:
        titles: list[str] = []
        for entry in outline:
            titles += self._titles(entry) if isinstance(entry, list) else [entry.title]
        return titles

    def tags(self) -> list[str]:
        """The names of the structure tree, in the order of reading: H1, P, L, LI..."""
        return self._tags(self.catalogue["/StructTreeRoot"].get("/K"))

    def _tags(self, node: Any) -> list[str]:
        node = node.get_object() if node is not None else None
        if isinstance(node, list):
            return [tag for child in node for tag in self._tags(child)]
        if not isinstance(node, DictionaryObject) or "/S" not in node:
            return []
        return [str(node["/S"])[1:], *self._tags(node.get("/K"))]
