"""Machines of their own with a bad network between them: delay, loss, reordering, a slow link.

What `tc netem` does, for kernels without it: every machine is a network namespace with a TUN device, and a thread
passes the packets between them.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def do(*command):
    subprocess.run(command, check=True, capture_output=True)


def enter(space):
    """Moves this thread into a network namespace; `space` is an open file of it."""
    if LIBC.setns(space, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class BadLink(dict):
    """Names to (namespace, address), with packets passed on as `shape` says."""

    def __init__(self, names):
        self.tag = f"cl{os.getpid() % 10_000}"
        super().__init__({name: (f"{self.tag}-{name}", f"10.78.0.{number}") for number, name in enumerate(names, 1)})
        self.delay = self.jitter = self.loss = self.reorder = 0.0
        self.rate = float("inf")
        self.devices = {}
        self.passed = self.lost = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        for space, address in self.values():
            do("ip", "netns", "add", space)
            with open(f"/run/netns/{space}") as file:
                self.add(address, "eth0", file.fileno())
            do("ip", "-n", space, "link", "set", "lo", "up")
            self.raise_device(address, "eth0", "-n", space)
        # The one that runs the tests asks the gateway.
        self.add("10.78.0.254", self.tag)
        self.raise_device("10.78.0.254", self.tag)
        self.thread.start()

    @staticmethod
    def raise_device(address, device, *where):
        do("ip", *where, "addr", "add", f"{address}/24", "dev", device)
        do("ip", *where, "link", "set", device, "up")

    def add(self, address, device, space=None):
        with open("/proc/thread-self/ns/net") as home:
            if space is not None:
                enter(space)
            try:
                tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
            finally:
                enter(home.fileno())
        self.devices[bytes(map(int, address.split(".")))] = tunnel

    def end(self):
        self.is_over = True
        if self.thread.is_alive():
            self.thread.join()
        for tunnel in self.devices.values():
            os.close(tunnel)
        for space, _ in self.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True)

    def shape(self, delay=0.0, jitter=0.0, loss=0.0, reorder=0.0, rate=float("inf")):
        """From now on: seconds of delay give or take `jitter`, shares of packets that are lost and that overtake
        others, and bits a second that each machine sends at most."""
        self.delay, self.jitter, self.loss, self.reorder, self.rate = delay, jitter, loss, reorder, rate

    def run(self):
        waiting, count, free_at = [], 0, dict.fromkeys(self.devices.values(), 0.0)
        poll = select.poll()
        for tunnel in self.devices.values():
            poll.register(tunnel, select.POLLIN)
        while not self.is_over:
            patience = max(0.0, min(waiting[0][0] - time.monotonic(), 0.1)) if waiting else 0.1
            for sender, _ in poll.poll(patience * 1000):
                now = time.monotonic()
                try:
                    packet = os.read(sender, 65536)
                except BlockingIOError:
                    continue
                receiver = self.devices.get(packet[16:20])
                if receiver is None or packet[0] >> 4 != 4:
                    continue
                if random.random() < self.loss:
                    self.lost += 1
                    continue
                free_at[sender] = max(now, free_at[sender]) + len(packet) * 8 / self.rate
                due = free_at[sender]
                if random.random() >= self.reorder:
                    due += max(0.0, self.delay + random.uniform(-self.jitter, self.jitter))
                count += 1
                heapq.heappush(waiting, (due, count, receiver, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, receiver, packet = heapq.heappop(waiting)
                self.passed += 1
                with contextlib.suppress(OSError):
                    os.write(receiver, packet)


@contextlib.contextmanager
def bad_link(*names):
    link = BadLink(names)
    try:
        link.start()
        yield link
    finally:
        link.end()
