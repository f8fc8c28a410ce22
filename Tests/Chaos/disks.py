"""Disks that are full."""

import contextlib
import pathlib
import resource
import tempfile

from network import do


class SmallDisk:
    """A file system of its own that holds so many KiB."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory)

    def resize(self, kibibytes):
        do("mount", "-o", f"remount,size={kibibytes}k", str(self.path))

    def fill(self):
        """Leaves not a byte free."""
        with contextlib.suppress(OSError), open(self.path / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def empty(self):
        (self.path / "filler").unlink()


@contextlib.contextmanager
def small_disk(kibibytes):
    """Needs root."""
    with tempfile.TemporaryDirectory() as directory:
        do("mount", "-t", "tmpfs", "-o", f"size={kibibytes}k,mode=700", "tmpfs", directory)
        try:
            yield SmallDisk(directory)
        finally:
            do("umount", "-l", directory)


def small_files(kibibytes):
    """What makes a process unable to write larger files; needs no root."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes << 10, resource.RLIM_INFINITY))
    return limit
