"""Which distribution a tag releases, and whether the tree is ready for it.

``python deploy/check_release.py goodcall-client-v0.1.0`` prints the distribution's folder, ``client``; where the tag,
the version and the changelog don't agree, it says so and ends with 1.
"""

import re
import sys
import tomllib
from pathlib import Path

FOLDERS = {"goodcall": "service", "goodcall-client": "client", "goodcall-trainer": "trainer"}
_TAG = re.compile(r"(goodcall|goodcall-client|goodcall-trainer)-v(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)")


class NotReady(Exception):
    """The tag can't be released; the message says why."""


def folder_of(tag: str, repository: Path) -> str:
    """The folder of the distribution that a tag releases.

    Raises:
        NotReady: it is no tag of a distribution, of another version than the tree's, or of one without a dated entry in
            the changelog.
    """
    found = _TAG.fullmatch(tag)
    if not found:
        raise NotReady(f"{tag} is none of {', '.join(f'{name}-vVERSION' for name in FOLDERS)}")
    name, version = found.groups()
    folder = repository / FOLDERS[name]
    stands = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if stands != version:
        raise NotReady(f"{folder.name}/pyproject.toml says {stands}, and the tag {version}")
    changelog = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        raise NotReady(f"{folder.name}/CHANGELOG.md has no line `## [{version}] - YYYY-MM-DD`")
    return folder.name


if __name__ == "__main__":
    try:
        sys.stdout.write(folder_of(sys.argv[1], Path(__file__).parent.parent) + "\n")
    except NotReady as error:
        sys.exit(str(error))
