"""A cluster whose every process can be hurt: killed, stopped, started again, put on a machine of its own."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Member:
    """One process, which can be started again under its name."""

    def __init__(self, name, command, log):
        self.name, self.command, self.log = name, command, log
        # What the process does before it becomes the program, such as setting itself limits.
        self.process, self.before = None, None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL, text=True,
            preexec_fn=self.before)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self, seconds=15):
        """Ends it in good order; returns whether it did."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                return False
        return True


class Cluster:
    """A coordinator, a vision node, and workers "worker-1" …, of which `spares` stand by.

    `machines` maps names to network namespaces and their addresses; without it everything is on loopback. `own` maps
    names of workers to options of theirs.
    """

    def __init__(self, program, workers=2, spares=0, options=(), machines=None, model=None, mmproj=None, own=None):
        self.program, self.machines = program, machines or {}
        self.model = ["--model", str(model)] if model else []
        self.model += ["--mmproj", str(mmproj)] if mmproj else []
        self.memory = 4_000_000_000 if model else 1_000_000_000
        self.log = tempfile.NamedTemporaryFile("w+", prefix="chatspot-chaos-", suffix=".log")
        address = self.machines.get("coordinator", (None, "127.0.0.1"))[1]
        listen = ["--listen", f"tcp://{address}:{free_port()}", "--port", str(free_port())]
        if machines:
            listen += ["--host", address]
        self.members = {}
        self.coordinator_arguments = [*listen, "--workers", str(workers), "--spares", str(spares), *options]
        self.coordinator = self.launch("coordinator", ["coordinator", *self.coordinator_arguments])
        self.address = self.url = None
        self.await_ports()
        self.readies = 0
        for number in range(1, workers + 1):
            self.add_worker(f"worker-{number}", *(own or {}).get(f"worker-{number}", []))
        self.add_vision("vision")
        self.await_ready()
        for number in range(workers + 1, workers + spares + 1):
            self.add_worker(f"worker-{number}")
        if spares:
            wait(lambda: len(self.status()["spares"]) == spares, 20, "the spares did not join")

    def launch(self, name, arguments):
        space = self.machines.get(name, (None, None))[0]
        prefix = ["ip", "netns", "exec", space] if space else []
        insecure = ["--insecure"] if self.machines else []
        command = [*prefix, self.program, *arguments, *insecure, *self.model]
        self.members[name] = Member(name, command, self.log)
        return self.members[name]

    def await_ports(self):
        for line in self.coordinator.process.stdout:
            if line.startswith("http "):
                self.url = line.split()[1].rstrip("/")
            if line.startswith("listening "):
                self.address = line.split()[1]
                break
        else:
            raise SystemExit(f"the coordinator did not start\n{self.story()}")
        # What it says later must not fill the pipe.
        threading.Thread(target=self.coordinator.process.stdout.read, daemon=True).start()

    def restart_coordinator(self):
        self.coordinator.start()
        self.await_ports()

    def add_worker(self, name, *options):
        host = self.machines.get(name, (None, "127.0.0.1"))[1]
        return self.launch(name, [
            "worker", "--coordinator", self.address, "--name", name, "--listen", f"tcp://{host}:0", "--threads", "1",
            "--memory-bytes", str(self.memory), "--speed", "1000000000", *options])

    def add_vision(self, name):
        return self.launch(name, ["vision", "--coordinator", self.address, "--name", name, "--threads", "1"])

    def workers(self):
        return [name for name in self.members if name.startswith("worker-")]

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return response.read().decode()

    def status(self):
        return json.loads(self.get("/cluster"))

    def is_ready(self):
        try:
            return self.status()["ready"]
        except OSError:
            return False

    def await_ready(self, seconds=30):
        wait(self.is_ready, seconds, "no plan stands", self)

    def metric(self, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics").splitlines() if line.startswith(name))

    def story(self):
        """What the processes logged."""
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.story()[-6000:], file=sys.stderr)
        # The coordinator first: whoever it has left need not be drained.
        ordered = [self.coordinator] + [member for member in self.members.values() if member is not self.coordinator]
        ended = [member.name for member in ordered if not member.end()]
        self.log.close()
        if ended and not kind:
            raise AssertionError(f"did not end in good order: {', '.join(ended)}")


def wait(condition, seconds, trouble, cluster=None):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(trouble + (f"\n{cluster.story()[-4000:]}" if cluster else ""))
        time.sleep(0.02)


_given = set()


def free_port():
    """A port below those that the system gives to others."""
    import random
    import socket
    while True:
        port = random.randint(15_000, 31_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def machine_available():
    """Whether this user may make network namespaces."""
    return os.geteuid() == 0 and all(map(shutil.which, ("ip", "unshare"))) and subprocess.run(
        ["unshare", "--net", "true"], capture_output=True).returncode == 0
