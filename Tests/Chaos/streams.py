"""Streams of answers, each held against the one that was given while nothing happened."""

import base64
import http.client
import json
import pathlib
import statistics
import threading
import time
import typing
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "Sources/chatspot/Resources/samples"


def picture(name):
    data = base64.b64encode((SAMPLES / name).read_bytes()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def questions(count):
    """Requests with and without images and regions, greedy and drawn with a seed, all of long answers."""
    scenes = [s for s in json.loads((SAMPLES / "samples.json").read_text())["samples"] if s["file"].endswith("png")]
    requests = []
    for number in range(count):
        scene = scenes[number % len(scenes)]
        region = {"box": scene["objects"][number % len(scene["objects"])]["box"]}
        content = [
            picture(scene["file"]), {"type": "text", "text": f"Number {number}: what is at"},
            {"type": "region", "region": region}, {"type": "text", "text": "?"}]
        if number % 3 == 1:
            content = [{"type": "text", "text": f"Tell me about number {number}."}]
        sampling = {"temperature": 0} if number % 2 == 0 else {"temperature": 0.8, "seed": number}
        requests.append({
            "messages": [{"role": "user", "content": content}], "ignore_eos": True, "stream": True,
            "stream_options": {"include_usage": True}, "logprobs": True, **sampling})
    return requests


class Stream(threading.Thread):
    """One answer: its tokens, when they came, and what went wrong."""

    def __init__(self, url, request, tokens, slow=0):
        super().__init__(daemon=True)
        self.url, self.request, self.slow = urllib.parse.urlparse(url), request | {"max_tokens": tokens}, slow
        self.pieces, self.tokens, self.times, self.problem, self.usage = [], [], [], None, None

    def run(self):
        try:
            connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=120)
            connection.request(
                "POST", "/v1/chat/completions", json.dumps(self.request), {"Content-Type": "application/json"})
            response = connection.getresponse()
            if response.status != 200:
                self.problem = f"{response.status} {response.read().decode()[:200]}"
                return
            while piece := response.read1():
                self.pieces.append((time.monotonic(), piece))
                if self.slow:
                    time.sleep(self.slow)
        except OSError as error:
            self.problem = repr(error)
        except http.client.HTTPException as error:
            self.problem = repr(error)

    def take_apart(self):
        """Reads what came, once it is over: a client that did so meanwhile would have the processors of the cluster."""
        rest = b""
        for arrival, piece in self.pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    self.take(json.loads(line[6:]), arrival)
                if self.problem or line.startswith(b"data: [DONE]"):
                    return
        self.problem = self.problem or "the stream broke off"

    def take(self, event, arrival):
        if "error" in event:
            self.problem = event["error"]["message"]
            return
        self.usage = event.get("usage") or self.usage
        for choice in event["choices"]:
            for token in (choice.get("logprobs") or {}).get("content") or []:
                self.tokens.append((token["token"], token.get("bytes")))
                self.times.append(arrival)

    @property
    def worst_gap(self):
        return max((b - a for a, b in zip(self.times, self.times[1:])), default=0)


class Pace(typing.NamedTuple):
    """The time between two tokens of a stream while nothing happens, in seconds."""
    median: float
    worst: float


def undisturbed(cluster, requests, tokens):
    """The answers that are given while nothing happens, and at which pace."""
    streams = run(cluster, requests, tokens)
    for stream in streams:
        stream.join(120)
    for stream in streams:
        stream.take_apart()
    problems = [stream.problem for stream in streams if stream.problem]
    assert not problems, f"an undisturbed stream failed: {problems[0]}"
    gaps = [b - a for stream in streams for a, b in zip(stream.times, stream.times[1:])]
    return [stream.tokens for stream in streams], Pace(statistics.median(gaps), max(gaps))


def run(cluster, requests, tokens):
    streams = [Stream(cluster.url, request, tokens) for request in requests]
    for stream in streams:
        stream.start()
    return streams


class Tally:
    """What became of all streams; `usual` is their pace while nothing happens."""

    def __init__(self, usual):
        self.usual = usual
        self.streams = self.failed = self.lost = self.doubled = self.wrong = 0
        self.pauses, self.problems = [], []

    def add_all(self, streams, expected):
        """Waits for the end of all, then compares them."""
        for stream in streams:
            stream.join(120)
            if stream.is_alive():
                stream.problem = "it came to no end within two minutes"
        for stream, tokens in zip(streams, expected):
            self.add(stream, tokens)

    def add(self, stream, expected):
        stream.take_apart()
        self.streams += 1
        self.pauses.append(stream.worst_gap)
        if stream.problem:
            self.failed += 1
            self.problems.append(stream.problem)
            return
        self.lost += max(0, len(expected) - len(stream.tokens))
        self.doubled += max(0, len(stream.tokens) - len(expected))
        if stream.tokens != expected:
            self.wrong += 1
            at = next((i for i, (a, b) in enumerate(zip(stream.tokens, expected)) if a != b), None)
            self.problems.append(f"differs at token {at}: {stream.tokens[at]} for {expected[at]}" if at is not None
                                 else f"{len(stream.tokens)} tokens for {len(expected)}")

    def __str__(self):
        worst = sorted(self.pauses)
        return (f"{self.streams} streams, {self.failed} failed, {self.wrong} wrong, {self.lost} tokens lost, "
                f"{self.doubled} doubled; worst gap of a stream: median {statistics.median(worst) * 1000:.0f} ms, "
                f"largest {worst[-1] * 1000:.0f} ms")

    def check(self):
        assert not (self.failed or self.wrong or self.lost or self.doubled), f"{self}: {self.problems[:3]}"
