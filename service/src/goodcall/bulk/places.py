"""Files and folders, on this machine's disks or in what ``pyarrow`` knows by a URI: ``s3://``, ``gs://``, ``hdfs://``."""

from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a file system."""

    file_system: fs.FileSystem
    path: str

    def __str__(self) -> str:
        return self.path

    def info(self) -> fs.FileInfo:
        """What is there."""
        return self.file_system.get_file_info(self.path)

    def files(self) -> list[fs.FileInfo]:
        """All files in the folder and below, by path, without those that a dot or an underscore hides."""
        selector = fs.FileSelector(self.path, recursive=True, allow_not_found=True)
        files = (info for info in self.file_system.get_file_info(selector) if info.type == fs.FileType.File)
        return sorted((file for file in files if not self._hides(file)), key=lambda file: file.path)

    def hidden_files(self) -> list[fs.FileInfo]:
        """All files that ``files`` leaves out."""
        selector = fs.FileSelector(self.path, recursive=True, allow_not_found=True)
        files = (info for info in self.file_system.get_file_info(selector) if info.type == fs.FileType.File)
        return [file for file in files if self._hides(file)]

    def relative(self, path: str) -> str:
        """A path below this one, from here on; empty for this one."""
        return path.removeprefix(self.path).lstrip("/")

    def below(self, name: str) -> str:
        """The path of what has this name here."""
        return f"{self.path.rstrip('/')}/{name}"

    def _hides(self, file: fs.FileInfo) -> bool:
        return any(step.startswith((".", "_")) for step in self.relative(file.path).split("/"))


def locate(place: str) -> Place:
    """The place of a URI, or of a path on this machine.

    Raises:
        ValueError: a URI of a kind that nobody knows.
    """
    if "://" in place:
        return Place(*fs.FileSystem.from_uri(place))
    return Place(fs.LocalFileSystem(), Path(place).absolute().as_posix())
