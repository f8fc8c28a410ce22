#!/usr/bin/env python3
"""Times ChatSpot and llama.cpp on the same GGUF files, in turn, and prints a table of medians and ratios.

    python3 Tests/Benchmarks/make_random_gguf.py --dimensions 1.1b --type q8_0 /tmp/1.1b-q8_0.gguf
    python3 Tests/Benchmarks/compare.py --llama BUILD/bin --rounds 3 /tmp/1.1b-q8_0.gguf
    python3 Tests/Benchmarks/compare.py --llama BUILD/bin --vision /tmp/mmproj-1.1b-f16.gguf /tmp/1.1b-q4_0.gguf

BUILD is a native build of llama.cpp with llama-bench, llama-batched-bench and llama-mtmd-cli; the source
distribution of llama-cpp-python carries all of them:

    pip download --no-binary :all: --no-deps llama-cpp-python
    cmake -G Ninja -B BUILD -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF vendor/llama.cpp
    ninja -C BUILD llama-bench llama-batched-bench llama-mtmd-cli

Both programs take their turns A B A B in one run, because the speed of a machine drifts. Each turn is a process
of its own; a figure is the median of the turns, a ratio the median of the ratios of neighbouring turns.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c6360606000000004000148afa4710000000049454e44ae426082"
)


def run(command, timeout):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done


class LlamaCPP:
    def __init__(self, folder, threads):
        self.folder, self.threads = folder, str(threads)

    def tool(self, name):
        return os.path.join(self.folder, name)

    def bench(self, model, prompt, generate):
        command = [self.tool("llama-bench"), "-m", model, "-t", self.threads, "-r", "1", "-o", "json"]
        command += ["-p", str(prompt), "-n", str(generate)]
        return json.loads(run(command, 600).stdout)[0]["avg_ts"]

    def prefill(self, model, tokens):
        return self.bench(model, tokens, 0)

    def decode(self, model, tokens):
        return self.bench(model, 0, tokens)

    def batch(self, model, sequences, tokens):
        command = [self.tool("llama-batched-bench"), "-m", model, "-t", self.threads, "-c", "4096"]
        command += ["-npp", "16", "-ntg", str(tokens), "-npl", str(sequences)]
        row = [line for line in run(command, 600).stdout.splitlines() if re.match(r"\|\s+\d", line)][-1]
        return float(row.split("|")[8])

    def vision(self, model, projector, image):
        command = [self.tool("llama-mtmd-cli"), "-m", model, "--mmproj", projector, "--image", image, "-n", "1"]
        command += ["-t", self.threads, "--chat-template", "vicuna", "-p", "word1", "-lv", "5"]
        done = run(command, 600)
        # The first encoding is a warm-up.
        times = re.findall(r"encod\w* done in (\d+) ms", done.stdout + done.stderr)
        if not times:
            sys.exit("llama-mtmd-cli did not say how long the image took")
        return 1000 / float(times[-1])


class ChatSpot:
    def __init__(self, executable, threads):
        self.executable, self.threads = executable, str(threads)

    def bench(self, model, *options):
        command = [self.executable, "bench", "--model", model, "--threads", self.threads, "--repetitions", "1"]
        report = json.loads(run(command + ["--json", *options], 600).stdout)
        self.machine = report["machine"]
        return report["results"][-1]

    def prefill(self, model, tokens):
        return self.bench(model, "--prompt", str(tokens), "--generate", "0")["tokens_per_second"]

    def decode(self, model, tokens):
        return self.bench(model, "--prompt", "0", "--generate", str(tokens), "--batch", "1")["tokens_per_second"]

    def batch(self, model, sequences, tokens):
        options = ["--prompt", "0", "--generate", str(tokens), "--batch", str(sequences)]
        return self.bench(model, *options)["tokens_per_second"]

    def vision(self, model, projector, weights=None):
        options = ["--prompt", "0", "--generate", "0", "--vision", "--mmproj", projector]
        if weights:
            options += ["--weights", weights]
        result = self.bench(model, *options)
        return result["tokens_per_second"] / result["tokens"]


def compare(title, unit, theirs, ours, rounds):
    pairs = [(theirs(), ours()) for _ in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    a, b = (statistics.median(values) for values in zip(*pairs))
    print(f"| {title} | {a:.4g} | {b:.4g} {unit} | {ratio:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--llama", required=True, help="the folder of llama.cpp's programs")
    parser.add_argument("--chatspot", default=".build/release/chatspot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--vision", help="a projector file: encode an image with it instead")
    options = parser.parse_args()
    llama, chatspot = LlamaCPP(options.llama, options.threads), ChatSpot(options.chatspot, options.threads)
    print("| work | llama.cpp | ChatSpot | ratio |\n| --- | --- | --- | --- |", flush=True)
    for model in options.models:
        name = os.path.basename(model).removesuffix(".gguf")
        if options.vision:
            image = os.path.join(os.path.dirname(options.vision), "pixel.png")
            with open(image, "wb") as file:
                file.write(PIXEL)
            for weights in (None, "q8_0"):
                compare(
                    f"{os.path.basename(options.vision)}, {weights or 'as stored'}", "images/s",
                    lambda: llama.vision(model, options.vision, image),
                    lambda: chatspot.vision(model, options.vision, weights), options.rounds)
            continue
        for title, work in (
            (f"prefill {options.prompt}", lambda it: it.prefill(model, options.prompt)),
            (f"decode {options.generate}", lambda it: it.decode(model, options.generate)),
            (f"decode, {options.batch} sequences", lambda it: it.batch(model, options.batch, options.generate)),
        ):
            compare(f"{name} {title}", "tokens/s", lambda: work(llama), lambda: work(chatspot), options.rounds)
    machine = chatspot.machine
    print(f"\n{machine['threads']} threads; measured in the last turn: reads "
          f"{machine['read_bandwidth_bytes_per_second'] / 1e9:.1f} GB/s, multiply-adds "
          f"{machine['fma_flops_per_second'] / 1e9:.0f} GFLOPS")


if __name__ == "__main__":
    main()
