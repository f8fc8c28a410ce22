"""Disks that are full, or cannot be read."""

import contextlib
import os
import pathlib
import resource
import shutil
import subprocess
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


class FailingDisk:
    """A file system on a disk that can lose its end: what was not read before cannot be read any more."""

    def __init__(self, directory, image):
        self.path, self.image = pathlib.Path(directory), image

    def fail(self):
        """From now on reads from the disk fail with EIO. What nobody has mapped is not in memory any more either."""
        for file in self.path.iterdir():
            if file.is_file():
                with open(file, "rb") as opened:
                    os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with open(self.image, "r+b") as image:
            image.truncate(1 << 20)


@contextlib.contextmanager
def failing_disk(mebibytes, content):
    """A disk that holds a copy of the folder `content` and is mounted read-only. Needs root and loop devices."""
    with tempfile.TemporaryDirectory() as scratch:
        image, directory = os.path.join(scratch, "image"), os.path.join(scratch, "mounted")
        os.mkdir(directory)
        with open(image, "wb") as file:
            file.truncate(mebibytes << 20)
        do("mkfs.ext4", "-q", "-d", str(content), image)
        do("mount", "-o", "loop,ro", image, directory)
        try:
            yield FailingDisk(directory, image)
        finally:
            do("umount", "-l", directory)


def failing_disk_available():
    """Whether this user may mount such a disk here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("losetup", "mkfs.ext4"))):
        return False
    return subprocess.run(["losetup", "--find"], capture_output=True).returncode == 0


def small_files(kibibytes):
    """What makes a process unable to write larger files; needs no root."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes << 10, resource.RLIM_INFINITY))
    return limit
