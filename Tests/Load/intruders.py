#!/usr/bin/env python3
"""Strangers at the door of a cluster under load: none may be served, and those inside must hardly notice.

    python3 Tests/Load/intruders.py [--attempts 10000] [options of `chatspot up`]

Needs pyzmq. Starts a cluster with keys, lets clients of the gateway stream answers, and meanwhile makes attempts of
four kinds in turn: without a key, with a key that nobody knows, with a revoked key, and with a worker's key that acts
as a client and asks. The attempts are spread over a few rounds, each after a time without them, and the tokens
a second of both are compared, in turns; the intruders are a process of their own, whose use of the same cores is told
too. Ends with 1 if one of them got a byte of an answer, or an answer of those inside went wrong.
The program is .build/release/chatspot, or CHATSPOT.
"""

import argparse
import collections
import contextlib
import multiprocessing
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import zmq

from serving import PROGRAM, Cluster

KINDS = ("no key", "unknown key", "revoked key", "right key, wrong role")
HELLO, WELCOME, ERROR, QUERY, ANSWER = 1, 2, 7, 14, 17


def field(number, payload):
    """A field of bytes, or a number, as protobuf writes it."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def hello(version):
    return field(HELLO, field(1, version) + field(2, 3))


def question():
    turn = field(1, 1) + field(2, b"What is this?")
    sampling = varint(2 << 3 | 5) + struct.pack("<f", 1)
    return field(QUERY, field(1, 1) + field(4, turn) + field(5, sampling) + field(6, 4))


def read_key(path):
    return dict(line.split() for line in path.read_text().splitlines() if not line.startswith("# "))


def attempt(context, address, kind, keys, version, patience):
    """What came back: the numbers of the messages' bodies."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    # Who was refused already has nowhere to send to.
    socket.sndtimeo = int(patience * 1000)
    try:
        if kind != "no key":
            key = keys[kind]
            secret = key["secret"].encode()
            socket.curve_secretkey, socket.curve_publickey = secret, zmq.curve_public(secret)
            socket.curve_serverkey = keys["coordinator"]["coordinator"].encode()
        socket.connect(address)
        answers = []
        with contextlib.suppress(zmq.Again):
            socket.send(hello(version))
            socket.send(question())
        deadline = time.monotonic() + patience
        while socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            answers.append(socket.recv()[0] >> 3)
        return answers
    finally:
        socket.close()


def load(cluster, end, counts, lock):
    def client(number):
        while time.monotonic() < end():
            begin = time.monotonic()
            status, _, times = cluster.ask(f"Tell me about number {number}.", 32, ignore_eos=True)
            with lock:
                counts["failed" if status != 200 else "answered"] += 1
                if status == 200:
                    counts["tokens"] += 32
                    counts["seconds"] += time.monotonic() - begin

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    return threads


def loaded(cluster, body):
    """Tokens a second while `body` runs, how many answers failed, and what `body` returned."""
    counts, lock, stop = collections.Counter(), threading.Lock(), [float("inf")]
    begin = time.monotonic()
    threads = load(cluster, lambda: stop[0], counts, lock)
    try:
        result = body()
    finally:
        stop[0] = 0
        for thread in threads:
            thread.join()
    return counts["tokens"] / (time.monotonic() - begin), counts["failed"], result


def assault(address, keys, version, numbers, at_once, patience):
    """Makes the attempts with these numbers: what became of each kind, who was served, and the CPU seconds spent."""
    context = zmq.Context(io_threads=1)
    served, results = [], {kind: collections.Counter() for kind in KINDS}
    numbers, lock = iter(numbers), threading.Lock()

    def intruder():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            kind = KINDS[number % len(KINDS)]
            answers = attempt(context, address, kind, keys, version, patience)
            with lock:
                results[kind]["refused" if ERROR in answers or not answers else "served"] += 1
                if set(answers) - {ERROR}:
                    served.append((kind, answers))

    begin = time.process_time()
    threads = [threading.Thread(target=intruder) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, served, time.process_time() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--attempts", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--patience", type=float, default=0.5, help="seconds that each attempt waits for an answer")
    parser.add_argument("--version", type=int, default=None, help="the protocol version that attempts claim")
    options, up = parser.parse_known_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    version = options.version
    if version is None:
        source = "\n".join(path.read_text() for path in (root / "Sources/Wire").glob("*.swift"))
        version = int(source.split("let protocolVersion: Int = ")[1].split()[0])
    with tempfile.TemporaryDirectory() as folder:
        run(options, up, version, pathlib.Path(folder) / "keys", pathlib.Path(folder) / "others")


def run(options, up, version, directory, others):
    def chatspot(*arguments):
        subprocess.run([PROGRAM, "keys", *arguments], check=True, capture_output=True)

    chatspot("make", "--keys", str(directory))
    chatspot("make", "--keys", str(others))
    # Of its own: who breaks the rules is cut off with all that has the same key.
    chatspot("add", "turncoat", "--role", "worker", "--keys", str(directory))
    chatspot("add", "was-here", "--role", "client", "--keys", str(directory))
    keys = {
        "unknown key": read_key(others / "client.key"),
        "revoked key": read_key(directory / "was-here.key"),
        "right key, wrong role": read_key(directory / "turncoat.key"),
        "coordinator": read_key(directory / "client.key"),
    }
    chatspot("revoke", "was-here", "--keys", str(directory))
    served, results = [], {kind: collections.Counter() for kind in KINDS}
    ratios, failed, spent, cpu = [], 0, 0, 0
    with multiprocessing.get_context("spawn").Pool(1) as intruders, Cluster("--keys", str(directory), *up) as cluster:
        control = attempt(
            zmq.Context.instance(), cluster.address, "member", keys | {"member": keys["coordinator"]}, version, 5)
        if WELCOME not in control or ANSWER not in control:
            sys.exit(f"the control attempt with a right key was not served: {control}")
        cluster.ask("Good day.", 2)
        for number in range(options.rounds):
            first, end = (options.attempts * turn // options.rounds for turn in (number, number + 1))
            numbers = range(first, end)

            def attack():
                begin = time.monotonic()
                outcome = intruders.apply(
                    assault, (cluster.address, keys, version, numbers, options.at_once, options.patience))
                return *outcome, time.monotonic() - begin

            calm_seconds = len(numbers) / options.at_once * options.patience
            calm, failed_calm, _ = loaded(cluster, lambda: time.sleep(calm_seconds))
            busy, failed_busy, (kinds, found, seconds, taken) = loaded(cluster, attack)
            for kind, counts in kinds.items():
                results[kind].update(counts)
            served += found
            failed, cpu, spent = failed + failed_calm + failed_busy, cpu + seconds, spent + taken
            ratios.append(busy / calm)
            print(f"tokens a second without them {calm:.0f}, with them {busy:.0f} ({busy / calm:.1%})", flush=True)
        status, refused = cluster.status(), cluster.counted("chatspot_refused_total")
    for kind, counts in results.items():
        print(f"{kind}: {dict(counts)}")
    print(f"{options.attempts} attempts in {spent:.1f} s; served: {len(served)} {served[:3]}; "
          f"{refused:.0f} times the coordinator had to refuse, the others were held off before")
    share, used = statistics.median(ratios), cpu / spent / os.cpu_count()
    print(f"median share of the throughput {share:.1%}; the intruders themselves used {used:.1%} of the "
          f"{os.cpu_count()} cores, and it is {share / (1 - used):.1%} of what they left")
    print(f"answers that failed: {failed}; queries at the end: {status['queries']}")
    sys.exit(1 if served or failed else 0)


if __name__ == "__main__":
    main()
