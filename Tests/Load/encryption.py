#!/usr/bin/env python3
"""What CURVE costs: tokens a second of two stages with keys, as a share of the same in plaintext, A B A B.

    python3 Tests/Load/encryption.py [--streams 16] [--tokens 200] [--rounds 5] [options of `chatspot up`]

The program is .build/release/chatspot, or CHATSPOT. Nothing but Python is needed.
"""

import argparse
import pathlib
import statistics
import subprocess
import tempfile

from serving import PROGRAM, Cluster, throughput


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options, up = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        keys = str(pathlib.Path(folder) / "keys")
        subprocess.run([PROGRAM, "keys", "make", "--keys", keys], check=True, capture_output=True)
        ratios = []
        for _ in range(options.rounds):
            rates = []
            for secured in ([], ["--keys", keys]):
                with Cluster("--workers", "2", *secured, *up) as cluster:
                    throughput(cluster, 2, 4, 8)
                    rates.append(throughput(cluster, options.streams, 4, options.tokens))
            ratios.append(rates[1] / rates[0])
            print(f"plaintext {rates[0]:.0f}/s, with keys {rates[1]:.0f}/s: {ratios[-1]:.3f}", flush=True)
        print(f"{options.streams} streams: median ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
