#!/usr/bin/env python3
"""Two one-thread stages beside llama.cpp with two one-thread RPC servers, on the same GGUF file, in turns A B A B.

    python3 Tests/Load/rpc.py --llama BUILD/bin /tmp/1.1b-q8_0.gguf [options of `chatspot up`, such as --mmproj FILE]

Prints the tokens a second that all sequences decode together, and the ratio. BUILD is a native build of llama.cpp
with its RPC backend, from the source distribution of llama-cpp-python (see Tests/Benchmarks/compare.py):

    cmake -G Ninja -B BUILD -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DGGML_RPC=ON -DLLAMA_CURL=OFF vendor/llama.cpp
    ninja -C BUILD llama-batched-bench ggml-rpc-server

A figure is the median of the turns, the ratio the median of the ratios of neighbouring turns. Both sides are asked
for the same number of tokens after prompts of about the same length; what prompts take counts on neither side.
The program is .build/release/chatspot, or CHATSPOT.
"""

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

from serving import Cluster


class Servers:
    """Two of llama.cpp's RPC servers with a thread each, on ports of loopback that are free."""

    def __init__(self, folder):
        ports = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as free:
                ports.append(free.getsockname()[1])
        self.addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
        program = os.path.join(folder, "ggml-rpc-server")
        self.processes = [
            subprocess.Popen(
                [program, "--host", "127.0.0.1", "--port", str(port), "--threads", "1"], stdout=subprocess.DEVNULL
            )
            for port in ports
        ]
        for port in ports:
            self.await_port(port)

    def await_port(self, port):
        for _ in range(100):
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
        sys.exit(f"the RPC server on port {port} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def theirs(options, servers):
    command = [os.path.join(options.llama, "llama-batched-bench"), "-m", options.model, "--rpc", servers.addresses]
    command += ["-ngl", "99", "-t", "1", "-c", "4096", "-npp", "16", "-ntg", str(options.tokens)]
    done = subprocess.run(command + ["-npl", str(options.sequences)], capture_output=True, text=True, timeout=900)
    rows = [line for line in done.stdout.splitlines() if re.match(r"\|\s+\d", line)]
    if not rows:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return float(rows[-1].split("|")[8])


def ours(options):
    """Tokens a second from when the last sequence has its first token until the first one ends."""
    with Cluster("--workers", "2", "--threads", "2", "--model", options.model, *options.up) as cluster:
        cluster.ask("Good day.", 4)
        begin, answers = time.monotonic(), []

        def stream(index):
            asked = time.monotonic() - begin
            status, text, times = cluster.ask(f"{index} word " * 4, options.tokens, ignore_eos=True)
            if status != 200:
                print(f"an answer failed with {status}: {text}", file=sys.stderr)
            answers.append([asked + when for when in times])

        threads = [threading.Thread(target=stream, args=(index,)) for index in range(options.sequences)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    first, last = max(times[0] for times in answers), min(times[-1] for times in answers)
    return sum(first < when <= last for times in answers for when in times) / (last - first)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--llama", required=True, help="the folder of llama.cpp's programs")
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=96, help="that each sequence decodes")
    parser.add_argument("--rounds", type=int, default=3)
    options, options.up = parser.parse_known_args()
    pairs = []
    with Servers(options.llama) as servers:
        for _ in range(options.rounds):
            pairs.append((theirs(options, servers), ours(options)))
            print(f"llama.cpp {pairs[-1][0]:.1f} tokens/s, ChatSpot {pairs[-1][1]:.1f} tokens/s", flush=True)
    a, b = (statistics.median(figures) for figures in zip(*pairs))
    ratio = statistics.median(mine / other for other, mine in pairs)
    print(f"{options.sequences} sequences: llama.cpp {a:.1f}, ChatSpot {b:.1f} tokens/s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
