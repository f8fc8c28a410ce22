"""A member that was not made by this project: it speaks ZeroMQ's wire (ZMTP 3.0) and the envelope by hand, and lies."""

import os
import pathlib
import random
import socket
import struct
import threading

HELLO, WELCOME, ASSIGNMENT, READY, HEARTBEAT, ERROR = 1, 2, 3, 4, 5, 7
FEATURES_READY, STEP, TOKENS = 10, 12, 13
MESSAGES = pathlib.Path(__file__).resolve().parents[2] / "Sources/Wire/Message.swift"
VERSION = int(MESSAGES.read_text().split("let protocolVersion: Int = ")[1].split()[0])


def varint(value):
    result = b""
    while value > 0x7F:
        result += bytes([value & 0x7F | 0x80])
        value >>= 7
    return result + bytes([value])


def field(number, value):
    """A field of a protobuf message: an int, or bytes (also of a message within)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """The fields of a message as {number: [values]}; of fixed sizes as bytes."""
    result, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 0:
            value = number()
        else:
            size = number() if key & 7 == 2 else 8 if key & 7 == 1 else 4
            value, at = data[at:at + size], at + size
        result.setdefault(key >> 3, []).append(value)
    return result


class Peer:
    """One end of a ZeroMQ connection without security."""

    def __init__(self, connection, kind):
        self.connection, self.lock = connection, threading.Lock()
        connection.settimeout(60)
        connection.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        self.take(64)
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
        self.command(ready + (b"\x08Identity" + struct.pack(">I", 0) if kind == b"DEALER" else b""))

    def take(self, count):
        data = b""
        while len(data) < count:
            part = self.connection.recv(count - len(data))
            if not part:
                raise ConnectionError("the other end has gone")
            data += part
        return data

    def frame(self, flags, data):
        size = struct.pack(">BB", flags, len(data)) if len(data) < 256 else struct.pack(">BQ", flags | 2, len(data))
        with self.lock:
            self.connection.sendall(size + data)

    def command(self, data):
        self.frame(4, data)

    def send(self, data):
        self.frame(0, data)

    def receive(self):
        """The next message; heartbeats of ZeroMQ itself are answered meanwhile."""
        while True:
            flags = self.take(1)[0]
            data = self.take(struct.unpack(">Q", self.take(8))[0] if flags & 2 else self.take(1)[0])
            if flags & 4 == 0:
                return data
            if data.startswith(b"\x04PING"):
                self.command(b"\x04PONG" + data[7:])

    def close(self):
        self.connection.close()


def address_of(endpoint):
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


class Stranger(threading.Thread):
    """Joins as a decoder worker, takes whatever layers it is given, and answers steps with `lie`.

    `lie(step)` gets a step's epoch, number and spans, and returns the bodies of the messages to send,
    each as (body's number, bytes).
    """

    def __init__(self, cluster, name, lie):
        super().__init__(daemon=True)
        self.cluster, self.lie = cluster, lie
        self.assigned, self.steps, self.refusals, self.ending = 0, 0, 0, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.peer = Peer(socket.create_connection(address_of(cluster.address)), b"DEALER")
        endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}".encode()
        digest = bytes.fromhex(cluster.status()["model"]["digest"])
        self.hello = b"".join(field(*item) for item in [
            (1, VERSION), (2, 1), (3, name.encode()), (4, digest), (5, endpoint), (6, 1_000_000_000), (7, 1_000_000_000)])
        threading.Thread(target=self.listen, daemon=True).start()
        self.start()

    def tell(self, body, data):
        self.peer.send(field(body, data))

    def run(self):
        try:
            self.tell(HELLO, self.hello)
            while True:
                for body, (data, *_) in fields(self.peer.receive()).items():
                    self.heed(body, data)
        except OSError:
            pass

    def heed(self, body, data):
        message = fields(data)
        if body == ASSIGNMENT:
            epoch, layers = message[1][0], message.get(6, [0])[0]
            self.assigned += layers > 0
            self.tell(READY, field(1, epoch))
        elif body == HEARTBEAT:
            echo = message.get(5, [bytes(8)])[0]
            self.tell(HEARTBEAT, field(1, message.get(1, [0])[0]) + varint(6 << 3 | 1) + echo)
        elif body == STEP:
            self.answer(message)
        elif body == ERROR:
            self.refusals += 1
            # Whoever was taken out says hello again: a stubborn one.
            if not self.ending:
                self.tell(HELLO, self.hello)

    def listen(self):
        """Takes the steps that the stage before sends."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.take_steps, args=(connection,), daemon=True).start()

    def take_steps(self, connection):
        try:
            peer = Peer(connection, b"PULL")
            while True:
                for body, (data, *_) in fields(peer.receive()).items():
                    if body == STEP:
                        self.answer(fields(data))
        except OSError:
            pass

    def answer(self, step):
        self.steps += 1
        for body, data in self.lie(step):
            self.tell(body, data)

    def close(self):
        self.ending = True
        self.peer.close()
        self.listener.close()


# What a stage may answer a step with. A span's sequence, first position and count are fields 1, 2 and 3.


def tokens(step, epoch=None, position=0, token=1, spans=None):
    chosen = [fields(span) for span in step.get(3, [])] if spans is None else spans
    sampled = [
        field(1, span[1][0]) + field(2, span.get(2, [0])[0] + span[3][0] + position) + field(3, token)
        for span in chosen if span.get(6)]
    body = field(1, step[1][0] if epoch is None else epoch) + field(2, step.get(2, [0])[0])
    return TOKENS, body + b"".join(field(3, one) for one in sampled)


def nothing_sampled(step):
    return [tokens(step, spans=[])]


def old_epochs(step):
    """Results of other epochs are dropped; the one of this epoch, which comes twice, has no token."""
    return [tokens(step, epoch=epoch) for epoch in (0, step[1][0] - 1, step[1][0] + 7)] + 2 * nothing_sampled(step)


def wrong_positions(step):
    return [tokens(step, position=1000)]


def unknown_tokens(step):
    return [tokens(step, token=4_000_000_000)]


def wrong_shapes(step):
    tensor = field(1, 2) + field(2, 3) + field(2, 5) + field(3, b"\0" * 7)
    return [(STEP, field(1, step[1][0]) + field(2, step.get(2, [0])[0]) + field(4, tensor))] + nothing_sampled(step)


def garbage(step):
    return [(TOKENS, os.urandom(random.randint(1, 400))) for _ in range(5)] + nothing_sampled(step)


LIES = [nothing_sampled, wrong_positions, unknown_tokens, wrong_shapes, garbage, old_epochs]


def pester(address, count=200):
    """Connects again and again and says nothing that can be understood."""
    for number in range(count):
        try:
            with socket.create_connection(address_of(address), timeout=2) as connection:
                connection.settimeout(2)
                if number % 4 == 0:
                    connection.sendall(os.urandom(random.randint(1, 2000)))
                    continue
                peer = Peer(connection, b"DEALER")
                if number % 4 == 1:
                    # A frame that promises an exabyte.
                    connection.sendall(b"\x02" + struct.pack(">Q", 1 << 60) + b"x")
                elif number % 4 == 2:
                    peer.send(field(random.randint(1, 25), os.urandom(random.randint(0, 300))))
                else:
                    peer.send(field(HELLO, field(1, 99) + field(2, 1) + field(3, b"stranger")))
        except OSError:
            # It was thrown out.
            continue
