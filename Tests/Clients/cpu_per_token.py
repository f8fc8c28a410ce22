"""Measures the CPU time that coordinator and gateway take for a token, while several answers stream at once.

    python3 cpu_per_token.py http://127.0.0.1:8080 PROCESS [STREAMS] [TOKENS]

PROCESS is the id of the coordinator's process, a child of `chatspot up`. Nothing but Python is needed.
"""

import json
import os
import socket
import sys
import threading
import time
import urllib.parse

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def stream(address, tokens, counts, index, barrier):
    body = json.dumps(
        {
            "messages": [{"role": "user", "content": f"What is {index}?"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": tokens,
            "ignore_eos": True,
            "temperature": 0,
        }
    )
    connection = socket.create_connection(address)
    barrier.wait()
    connection.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    rest = b""
    while part := connection.recv(1 << 16):
        rest = (rest + part)[-4096:]
    counts[index] = int(rest.rsplit(b'"completion_tokens":', 1)[1].split(b",")[0])


def main():
    url = urllib.parse.urlsplit(sys.argv[1])
    process = int(sys.argv[2])
    streams = int(sys.argv[3]) if len(sys.argv) > 3 else 16
    tokens = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    for round in ["warm", "measured"]:
        counts = [0] * streams
        barrier = threading.Barrier(streams)
        threads = [
            threading.Thread(target=stream, args=((url.hostname, url.port), tokens, counts, i, barrier))
            for i in range(streams)
        ]
        begin, cpu = time.monotonic(), cpu_seconds(process)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, cpu = time.monotonic() - begin, cpu_seconds(process) - cpu
        total = sum(counts)
        print(
            f"{round}: {streams} streams, {total} tokens in {seconds:.2f} s, {total / seconds:.0f} tokens/s; "
            f"coordinator and gateway {cpu / total * 1e6:.1f} µs of CPU a token"
        )


if __name__ == "__main__":
    main()
