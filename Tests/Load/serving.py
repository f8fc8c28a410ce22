#!/usr/bin/env python3
"""Puts load on real clusters and prints what serving promises. Nothing but Python is needed.

    python3 Tests/Load/serving.py second-question   [options of `chatspot up`, such as --model FILE.gguf]
    python3 Tests/Load/serving.py gaps              [options …]
    python3 Tests/Load/serving.py stages            [options …]
    python3 Tests/Load/serving.py soak --minutes 10 [options …]

second-question  time to the first token of a second question about an image, as a share of the first's
gaps             questions arrive while 15 answers stream, brief and long: their first tokens, and the worst gap of the
                 15 meanwhile, beside what --max-step-ms allows; ends with 1 if that gap or the first token of a brief
                 prompt takes more than that and 20 %
stages           tokens a second of two one-thread stages, as a share of one process with two threads, A B A B; beside
                 them, of a GGUF file, how fast all stages together read the weights, and what the memory gives: where
                 decoding reads as fast as it can, stages fall behind, since each part of the sequences needs a reading
soak             64 clients with images and regions, hanging up at random: ends with 1 if an answer is wrong or fails, a
                 block is lost, or memory grows by more than a tenth in the second half

Every part starts the clusters that it needs and ends them. The program is .build/release/chatspot, or CHATSPOT.
"""

import argparse
import base64
import http.client
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CHATSPOT", str(ROOT / ".build/release/chatspot"))
SAMPLES = ROOT / "Sources/chatspot/Resources/samples"


class Cluster:
    """A `chatspot up` of its own, on ports that the system chooses."""

    def __init__(self, *options):
        command = [PROGRAM, "up", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--log-level", "warning", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port, self.address, self.is_ready = None, None, False
        for line in self.process.stdout:
            if line.startswith("http "):
                self.port = int(line.rsplit(":", 1)[1].rstrip("/\n"))
            if line.startswith("listening "):
                self.address = line.split()[1]
            if line.startswith("ready"):
                self.is_ready = True
            if self.is_ready and self.address:
                break
        if self.port is None:
            sys.exit("the cluster did not start")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def status(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/cluster")
        return json.loads(connection.getresponse().read())

    def counted(self, metric):
        """The sum of a metric of `/metrics` over its labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == metric)

    def memory(self):
        """Resident bytes of the cluster's processes by their number on the command line."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        sizes = {}
        for process in children:
            command = open(f"/proc/{process}/cmdline").read().split("\0")
            name = command[1] if "--name" not in command else command[command.index("--name") + 1]
            pages = int(open(f"/proc/{process}/statm").read().split()[1])
            sizes[name] = pages * os.sysconf("SC_PAGE_SIZE")
        return sizes

    def post(self, path, body):
        """Sends a request. Returns when, its connection, and the response as far as its head."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        begin = time.monotonic()
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return begin, connection, connection.getresponse()

    def ask(self, content, max_tokens=16, hang_up_after=None, until=None, **fields):
        """Streams an answer, until an event is set if one is named. Returns (status, text, times of the chunks with
        text since the question)."""
        body = {"messages": [{"role": "user", "content": content}], "stream": True, "temperature": 0}
        body |= {"max_tokens": max_tokens} | fields
        begin, connection, response = self.post("/v1/chat/completions", body)
        if response.status != 200:
            return response.status, response.read().decode(), []
        text, times = "", []
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if "error" in event:
                return 500, event["error"]["message"], times
            choice = event["choices"][0] if event["choices"] else {"delta": {}}
            text += choice["delta"].get("content") or ""
            # With `logprobs` each token counts, also one that spells nothing yet.
            if choice["delta"].get("content") is not None or (choice.get("logprobs") or {}).get("content"):
                times.append(time.monotonic() - begin)
            if hang_up_after is not None and len(times) > hang_up_after or until and until.is_set():
                connection.sock.close()
                response.close()
                return 0, text, times
        connection.close()
        return 200, text, times

    def complete(self, token_ids, max_tokens):
        """Streams what follows a prompt of token ids. Returns (status, text, times of the chunks)."""
        body = {"prompt": token_ids, "stream": True, "temperature": 0, "ignore_eos": True}
        body |= {"max_tokens": max_tokens, "logprobs": 0}
        begin, connection, response = self.post("/v1/completions", body)
        if response.status != 200:
            return response.status, response.read().decode(), []
        chunks = [(time.monotonic() - begin, json.loads(line[6:])) for line in response if line.startswith(b"data: {")]
        connection.close()
        for _, chunk in chunks:
            if "error" in chunk:
                return 500, chunk["error"]["message"], []
        text = "".join(chunk["choices"][0]["text"] for _, chunk in chunks if chunk.get("choices"))
        return 200, text, [when for when, chunk in chunks if chunk.get("choices")]


def picture(name):
    kind = "jpeg" if name.endswith(".jpg") else "png"
    data = base64.b64encode((SAMPLES / name).read_bytes()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}


def question(image, region, before="What is at", after="?"):
    return [image, {"type": "text", "text": before}, {"type": "region", "region": region}, {"type": "text", "text": after}]


def samples():
    return json.loads((SAMPLES / "samples.json").read_text())["samples"]


def second_question(options):
    with Cluster(*options.up) as cluster:
        shares = []
        cluster.ask("Good day.", 2)
        for sample in samples():
            image, (a, b) = picture(sample["file"]), [item["box"] for item in sample["objects"][:2]]
            first = cluster.ask(question(image, {"box": a}), 4)[2][0]
            second = cluster.ask(question(image, {"box": b}), 4)[2][0]
            shares.append(second / first)
            print(f"{sample['file']}: first {first * 1000:.0f} ms, second {second * 1000:.0f} ms, {shares[-1]:.1%}")
        print(f"median share {statistics.median(shares):.1%}")


def gaps(options):
    with Cluster("--max-step-ms", str(options.max_step_ms), *options.up) as cluster:
        results, stop = [], threading.Event()

        def stream(index):
            content = f"Tell me about number {index}."
            begin = time.monotonic()
            times = cluster.ask(content, options.tokens, until=stop, ignore_eos=True, logprobs=True)[2]
            results.append([begin + when for when in times])

        def newcomer(content):
            """Asks beside the streams, a prompt of token ids or a message. Returns the time to the first token, and
            when it was there."""
            begin = time.monotonic()
            if isinstance(content, range):
                status, text, times = cluster.complete(list(content), 2)
            else:
                status, text, times = cluster.ask(content, 2, ignore_eos=True, logprobs=True)
            if not times:
                sys.exit(f"a newcomer was not answered: {status} {text}")
            return times[0], (begin, time.monotonic())

        threads = [threading.Thread(target=stream, args=(index,)) for index in range(15)]
        for thread in threads:
            thread.start()
        time.sleep(options.settle)
        settled, pictures = time.monotonic(), [picture(sample["file"]) for sample in samples()]
        brief, long, again = [], [], []
        for index in range(options.rounds):
            image = pictures[index % len(pictures)]
            # Token ids, as the tokeniser of a model with random weights makes many tokens of few words.
            for number in range(3):
                brief.append(newcomer(range(10 + 3 * index + number, 10 + 3 * index + number + options.brief)))
            padding = f"{index} " + "word " * options.words
            long.append(newcomer(question(image, {"point": [100, 100]}, padding + "What is at")))
            again.append(newcomer(question(image, {"point": [90, 90]}, padding + "What is at")))
        ended = all(thread.is_alive() for thread in threads)
        stop.set()
        for thread in threads:
            thread.join()
    if not ended:
        sys.exit("an answer ended before the newcomers were through; ask for more with --tokens")

    def gaps_during(begin, end):
        pairs = [pair for times in results for pair in zip(times, times[1:])]
        return [(later - earlier) * 1000 for earlier, later in pairs if later > begin and earlier < end]

    def show(title, values):
        print(f"{title}: median {statistics.median(values):.0f} ms, worst {max(values):.0f} ms")

    bound = options.max_step_ms * 1.2
    print(f"15 answers stream; a step may take {options.max_step_ms} ms, the bound is {bound:.0f} ms")
    show("gaps before anybody comes", gaps_during(settled - options.settle / 2, settled))
    brief_title = f"a brief prompt ({options.brief} tokens)"
    for title, newcomers in ((brief_title, brief), ("long, an image", long), ("about it again", again)):
        show(f"{title}: first token", [first * 1000 for first, _ in newcomers])
        show(f"{title}: gaps of the 15", [gap for _, span in newcomers for gap in gaps_during(*span)])
    worst = max(gap for _, span in brief + long + again for gap in gaps_during(*span))
    worst_first = max(first for first, _ in brief) * 1000
    print(f"worst gap {worst:.0f} ms, worst first token of a brief prompt {worst_first:.0f} ms: bound {bound:.0f} ms")
    sys.exit(0 if max(worst, worst_first) <= bound else 1)


def throughput(cluster, streams, words, tokens):
    counts = []

    def stream(index):
        counts.append(len(cluster.ask(f"{index} " + "word " * words, tokens, ignore_eos=True, logprobs=True)[2]))

    threads = [threading.Thread(target=stream, args=(index,)) for index in range(streams)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begin
    return sum(counts) / seconds if words < tokens else streams * words / seconds


def read_bandwidth(threads):
    """Bytes a second that so many threads read of memory, as `chatspot bench` measures it."""
    command = [PROGRAM, "bench", "--prompt", "0", "--generate", "1", "--repetitions", "1", "--json"]
    command += ["--threads", str(threads)]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return report["machine"]["read_bandwidth_bytes_per_second"]


def stages(options):
    weights = sum(path.stat().st_size for path in options.weight_files)
    print(f"two threads read {read_bandwidth(2) / 1e9:.1f} GB/s", flush=True)
    kinds = {"decode-heavy": (8, options.decodes), "prefill-heavy": (384, 4)}
    for title, (words, tokens) in kinds.items():
        if title not in options.works:
            continue
        for streams in options.streams:
            ratios = []
            # Of a prompt's many rows in a step reading is a small part.
            reads = weights if words < tokens else 0
            for _ in range(options.rounds):
                rates, steps = [], []
                for workers in ("1", "2"):
                    with Cluster("--workers", workers, "--threads", "2", *options.up) as cluster:
                        throughput(cluster, streams, 8, 16)
                        rates.append(throughput(cluster, streams, words, tokens))
                        steps.append(max(stage["step_seconds_median"] for stage in cluster.status()["stages"]))
                ratios.append(rates[1] / rates[0])
                print(f"{title}, {streams} streams: "
                      + "; ".join(
                          f"{layout} {rate:.0f}/s, steps of {step * 1000:.1f} ms"
                          + (f", about {reads / step / 1e9:.1f} GB/s of weights" if reads else "")
                          for layout, rate, step in zip(("one process", "two stages"), rates, steps)), flush=True)
            print(f"{title}, {streams} streams: median ratio {statistics.median(ratios):.2f}", flush=True)


def soak(options):
    cases = []
    with Cluster("--workers", "2", *options.up) as cluster:
        for sample in samples():
            image = picture(sample["file"])
            for item in sample["objects"]:
                for region in ({"box": item["box"]}, {"point": item["point"]}):
                    content = question(image, region)
                    cases.append((content, cluster.ask(content)[1]))
        print(f"{len(cases)} questions asked alone", flush=True)
        counts, lock = {"answered": 0, "hung up": 0, "429": 0, "wrong": 0, "errors": 0}, threading.Lock()
        end = time.monotonic() + options.minutes * 60

        def client(number):
            choice = random.Random(number)
            while time.monotonic() < end:
                content, expected = choice.choice(cases)
                hang_up = choice.randrange(4) if choice.random() < 0.2 else None
                try:
                    status, text, _ = cluster.ask(content, hang_up_after=hang_up)
                except OSError as error:
                    status, text = -1, str(error)
                kind = {200: "answered" if text == expected else "wrong", 0: "hung up", 429: "429"}.get(status, "errors")
                with lock:
                    counts[kind] += 1
                    if kind in ("wrong", "errors") and counts[kind] < 5:
                        print(kind, status, text[:200], "instead of", expected, flush=True)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        sizes = []
        for _ in range(10):
            time.sleep(options.minutes * 6)
            sizes.append(cluster.memory())
        for thread in threads:
            thread.join()
        time.sleep(1)
        status = cluster.status()
    print(counts)
    kv = status["kv"]
    print(f"KV blocks {kv['blocks']}, free or cached {kv['free'] + kv['cached']}; queries {status['queries']}")
    grows = False
    for name, last in sizes[-1].items():
        print(f"{name}, MiB at each tenth: {' '.join(f'{size.get(name, 0) / 2**20:.0f}' for size in sizes)}")
        # What caches take they have by then.
        grows = grows or last > 1.1 * sizes[len(sizes) // 2].get(name, 0)
    if grows:
        print("the memory of a process grew by more than a tenth in the second half")
    sound = counts["wrong"] == counts["errors"] == 0 and kv["free"] + kv["cached"] == kv["blocks"] and not grows
    sys.exit(0 if sound else 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=["second-question", "gaps", "stages", "soak"])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--works", nargs="+", default=["decode-heavy", "prefill-heavy"], help="in `stages`")
    parser.add_argument("--streams", nargs="+", type=int, default=[8, 16], help="at once in `stages`")
    parser.add_argument("--decodes", type=int, default=256, help="tokens of each decode-heavy answer in `stages`")
    parser.add_argument("--max-step-ms", type=int, default=200, help="of the cluster in `gaps`")
    parser.add_argument("--tokens", type=int, default=1024, help="most of each answer that streams in `gaps`")
    parser.add_argument("--brief", type=int, default=20, help="tokens of a brief newcomer's prompt in `gaps`")
    parser.add_argument("--words", type=int, default=100, help="of the newcomer's prompt in `gaps`")
    parser.add_argument("--settle", type=float, default=3, help="seconds before the newcomer in `gaps`")
    options, options.up = parser.parse_known_args()
    words = [word for option in options.up for word in option.split("=", 1)]
    named = [pathlib.Path(after) for name, after in zip(words, words[1:]) if name == "--model"]
    options.weight_files = [path for path in named if path.is_file()]
    {"second-question": second_question, "gaps": gaps, "stages": stages, "soak": soak}[options.part](options)


if __name__ == "__main__":
    main()
