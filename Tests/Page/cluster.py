"""A cluster on this machine, and what its API says."""
import json
import os
import signal
import subprocess
import threading
import urllib.request


class Cluster:
    """`chatspot up` with two decoder workers and the embedded model, on free ports."""

    def __init__(self, program, *arguments, key=None):
        self.key = key
        self.process = subprocess.Popen(
            [program, "up", "--workers", "2", "--listen", "tcp://127.0.0.1:0", "--port", "0",
             "--log-level", "error", *arguments],
            stdout=subprocess.PIPE, text=True)
        timer = threading.Timer(60, self.process.kill)
        timer.start()
        self.url = None
        for line in self.process.stdout:
            if line.startswith("http "):
                self.url = line.split()[1]
            if line.startswith("ready"):
                break
        else:
            raise RuntimeError("the cluster did not start")
        timer.cancel()
        # What it says later must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def status(self):
        request = urllib.request.Request(self.url + "/cluster")
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def suspended(self):
        """The last decoder worker stands still in the body of a `with`."""
        return Suspended(self.status()["stages"][-1]["process_id"])


class Suspended:
    def __init__(self, process_id):
        self.process_id = process_id

    def __enter__(self):
        os.kill(self.process_id, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.process_id, signal.SIGCONT)
