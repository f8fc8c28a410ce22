"""Machines of their own: network namespaces on one bridge."""

import contextlib
import os
import subprocess


def do(*command, check=True):
    subprocess.run(command, check=check, capture_output=not check)


class Machines(dict):
    """Names to (namespace, address)."""

    def __init__(self, names):
        self.tag = f"cs{os.getpid() % 10_000}"
        self.bridge = f"{self.tag}br"
        super().__init__(
            {name: (f"{self.tag}-{name}", f"10.77.0.{number}") for number, name in enumerate(names, 1)})

    def start(self):
        do("ip", "link", "add", self.bridge, "type", "bridge")
        do("ip", "addr", "add", "10.77.0.254/24", "dev", self.bridge)
        do("ip", "link", "set", self.bridge, "up")
        for number, (space, address) in enumerate(self.values(), 1):
            outside = f"{self.tag}v{number}"
            do("ip", "netns", "add", space)
            do("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
            do("ip", "link", "set", outside, "master", self.bridge, "up")
            do("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            do("ip", "-n", space, "link", "set", "eth0", "up")
            do("ip", "-n", space, "link", "set", "lo", "up")

    def end(self):
        for space, _ in self.values():
            do("ip", "netns", "del", space, check=False)
        do("ip", "link", "del", self.bridge, check=False)

    @contextlib.contextmanager
    def cut(self, one, other, both_ways):
        """No packet passes from `one` to `other`, and with `both_ways` none back."""
        ways = [(one, other)] + ([(other, one)] if both_ways else [])
        # A route into nothing drops what is sent there and leaves connections as they are.
        for sender, receiver in ways:
            do("ip", "-n", self[sender][0], "route", "add", "blackhole", f"{self[receiver][1]}/32")
        try:
            yield
        finally:
            for sender, receiver in ways:
                do("ip", "-n", self[sender][0], "route", "del", "blackhole", f"{self[receiver][1]}/32")


@contextlib.contextmanager
def machines(*names):
    machines = Machines(names)
    try:
        machines.start()
        yield machines
    finally:
        machines.end()
