#!/usr/bin/env python3
"""Hurts clusters of real processes while answers stream, and holds every answer against the undisturbed one.

    python3 Tests/Chaos/faults.py                                  # every fault, briefly
    python3 Tests/Chaos/faults.py kill --seconds 600 --every 10    # kill -9 of a random worker, for ten minutes
    python3 Tests/Chaos/faults.py partition bad-network            # needs root, for network namespaces
    python3 Tests/Chaos/faults.py join --model 1.1b-q8_0.gguf --mmproj mmproj.gguf --tokens 40

The program is .build/release/chatspot, or CHATSPOT. Nothing but Python is needed.
"""

import argparse
import os
import random
import signal
import sys
import time

# Each adds its faults to the list, in this order.
import process_faults
import disk_faults
import peer_faults
import network_faults
from cluster import ROOT
from fault import FAULTS, Late

TRIES = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=300, help="tokens of an answer")
    parser.add_argument("--seconds", type=float, default=12, help="how long `kill` goes on")
    parser.add_argument("--every", type=float, default=2, help="seconds from kill to kill")
    parser.add_argument("--model", help="another model than the embedded one, in `join`")
    parser.add_argument("--mmproj", help="its vision encoder, where the model is a GGUF file")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of the moments and victims")
    options = parser.parse_args()
    options.program = os.environ.get("CHATSPOT", str(ROOT / ".build/release/chatspot"))
    unknown = [name for name in options.faults if name not in FAULTS]
    if unknown:
        parser.error(f"there is no fault {unknown[0]}; there are {', '.join(FAULTS)}")
    random.seed(options.seed)
    # Whoever ends this script does not leave its clusters and machines behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {options.seed}", flush=True)
    failed = 0
    for name in options.faults or FAULTS:
        if missing := FAULTS[name].missing():
            print(f"{name:20} left out: {missing}", flush=True)
            continue
        for left in reversed(range(TRIES)):
            begin = time.monotonic()
            try:
                result = FAULTS[name](options)
                print(f"{name:20} {result} ({time.monotonic() - begin:.0f} s)", flush=True)
                break
            except AssertionError as error:
                again = isinstance(error, Late) and left > 0
                print(f"{name:20} {'late, once more' if again else 'FAILED'}: {error}", flush=True)
                if not again:
                    failed += 1
                    break
    print(f"{len(options.faults or FAULTS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
