#!/usr/bin/env python3
"""Hurts clusters of real processes while answers stream, and holds every answer against the undisturbed one.

    python3 Tests/Chaos/faults.py                                  # every fault, briefly
    python3 Tests/Chaos/faults.py kill --seconds 600 --every 10    # kill -9 of a random worker, for ten minutes
    python3 Tests/Chaos/faults.py partition network                # needs root, for network namespaces
    python3 Tests/Chaos/faults.py join --model 1.1b-q8_0.gguf --mmproj mmproj.gguf --tokens 40

The program is .build/release/chatspot, or CHATSPOT. Nothing but Python is needed.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time

import disks
import network
import stranger
from bad_link import bad_link
from cluster import Cluster, machine_available, wait
from streams import Stream, Tally, questions, run, undisturbed

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAULTS = {}
TRIES = 3


class Late(AssertionError):
    """Everything was right but took longer than is promised. Where other work has the processors that says little
    of one run, so that such a fault is tried again; whatever else is wrong fails at once."""


def fault(function):
    FAULTS[function.__name__.replace("_", "-")] = function
    return function


def disturb(cluster, options, disturbance, rounds=1, tokens=None):
    """Lets streams run, disturbs them once a round, and compares."""
    tokens = tokens or options.tokens
    requests = questions(options.streams)
    expected, usual = undisturbed(cluster, requests, tokens)
    tally = Tally(usual)
    for number in range(rounds):
        streams = run(cluster, requests, tokens)
        time.sleep(random.uniform(0.1, 0.6) * usual.median * tokens)
        disturbance(number)
        tally.add_all(streams, expected)
        cluster.await_ready()
    tally.check()
    return tally


@fault
def kill(options):
    """kill -9 of a random worker every so often; a spare stands by, and the one that died comes back."""
    # Where one dies before the last is back, a single stage computes it all: in f16 that rounds otherwise.
    with Cluster(options.program, workers=2, spares=1, options=["--activations", "f32"]) as cluster:
        requests = questions(options.streams)
        expected, usual = undisturbed(cluster, requests, options.tokens)
        tally, end, due = Tally(usual), time.monotonic() + options.seconds, time.monotonic() + options.every / 2
        streams, kills = {}, 0
        while time.monotonic() < end or streams:
            for index in range(options.streams):
                stream = streams.get(index)
                if stream and not stream.is_alive():
                    tally.add(streams.pop(index), expected[index])
                    stream = None
                if not stream and time.monotonic() < end:
                    streams[index] = Stream(cluster.url, requests[index], options.tokens)
                    streams[index].start()
            if due <= time.monotonic() < end:
                due = time.monotonic() + options.every
                victim = cluster.members[random.choice(cluster.workers())]
                victim.kill()
                victim.start()
                kills += 1
            time.sleep(0.005)
        tally.check()
        return f"{kills} kills; {tally}; {cluster.metric('chatspot_recovery_seconds_count'):.0f} recoveries"


@fault
def noticed(options):
    """kill -9 of stages and the vision node in turn, on the same machine: how long until the coordinator knows."""
    delays = []
    with Cluster(options.program, workers=2, spares=1) as cluster:
        for number in range(12):
            victim = cluster.members[["worker-1", "worker-2", "worker-3", "vision"][number % 4]]
            killed = time.monotonic()
            victim.kill()

            def delay():
                latest = cluster.status()["losses"][:1]
                return time.monotonic() - latest[0]["seconds_ago"] - killed if latest else -1
            wait(lambda: delay() > 0, 10, f"{victim.name} is not missed", cluster)
            delays.append(delay())
            victim.start()
            wait(lambda: cluster.is_ready() and len(cluster.status()["spares"]) == 1, 20, "it did not join again")
    worst = max(delays)
    if worst > 0.2:
        raise Late(f"a loss was noticed after {worst * 1000:.0f} ms")
    return f"noticed after a median of {statistics.median(delays) * 1000:.1f} ms, at most {worst * 1000:.1f} ms"


@fault
def first_stage(options):
    """kill -9 of the first stage, no spare: the one that is left takes all layers."""
    with Cluster(options.program, options=["--activations", "f32"]) as cluster:
        return disturb(cluster, options, lambda _: cluster.members["worker-1"].kill())


@fault
def last_stage(options):
    """kill -9 of the last stage, no spare."""
    with Cluster(options.program, options=["--activations", "f32"]) as cluster:
        return disturb(cluster, options, lambda _: cluster.members["worker-2"].kill())


@fault
def replaced_stage(options):
    """kill -9 of the last stage while a spare stands by: it alone is rebuilt, from what the first had sent."""
    with Cluster(options.program, workers=2, spares=1) as cluster:
        def hurt(_):
            last = cluster.members[cluster.status()["stages"][-1]["name"]]
            last.kill()
            last.start()
        tally = disturb(cluster, options, hurt, rounds=3)
        rebuilt = cluster.metric("chatspot_rebuilt_positions_total")
        assert rebuilt > 0, "all stages computed the queries anew"
        return f"{tally}; {rebuilt:.0f} positions sent once more"


@fault
def two_at_once(options):
    """kill -9 of two of three stages, and of a third while the next plan is loaded."""
    with Cluster(options.program, workers=3, spares=1, options=["--activations", "f32"]) as cluster:
        def hurt(_):
            for name in ("worker-1", "worker-3"):
                cluster.members[name].kill()
            time.sleep(0.01)
            cluster.members["worker-2"].kill()
            for name in ("worker-1", "worker-2", "worker-3"):
                cluster.members[name].start()
        return disturb(cluster, options, hurt)


@fault
def flapping(options):
    """kill -9 of one worker whenever it has joined, four times: it is left out of plans for a while."""
    with Cluster(options.program, workers=2, spares=1, options=["--activations", "f32"]) as cluster:
        def hurt(_):
            flapper = cluster.members["worker-1"]
            for _ in range(4):
                joined = cluster.story().count("worker-1 joined")
                flapper.kill()
                flapper.start()
                wait(lambda: cluster.story().count("worker-1 joined") > joined, 20, "it did not join again", cluster)
        tally = disturb(cluster, options, hurt)
        assert "worker-1 comes and goes" in cluster.story(), "it was taken back every time"
        return tally


@fault
def nobody_left(options):
    """kill -9 of the only worker: queries wait, /ready says so, and go on when one joins."""
    with Cluster(options.program, workers=1) as cluster:
        def hurt(_):
            cluster.members["worker-1"].kill()
            wait(lambda: not cluster.is_ready(), 2, "/cluster does not tell")
            assert "decoder worker" in cluster.status()["waiting_for"]
            time.sleep(0.5)
            cluster.members["worker-1"].start()
        return disturb(cluster, options, hurt)


@fault
def vision(options):
    """kill -9 of a vision node that has images under way: another one encodes them."""
    requests = questions(options.streams)
    with Cluster(options.program) as cluster:
        expected, usual = undisturbed(cluster, requests, options.tokens)
    # A cluster of its own, which has no features of these images yet.
    with Cluster(options.program) as cluster:
        cluster.add_vision("vision-2")
        wait(lambda: len(cluster.status()["vision_nodes"]) == 2, 20, "the second vision node did not join")
        victim = cluster.members["vision"]
        # What it is given from now on stays with it until it dies.
        victim.signal(signal.SIGSTOP)
        tally, streams = Tally(usual), run(cluster, requests, options.tokens)
        time.sleep(0.5)
        waiting = sum(not stream.pieces for stream in streams)
        assert waiting, "no stream waits for an image"
        victim.kill()
        tally.add_all(streams, expected)
        tally.check()
        images = {part["image_url"]["url"] for request in requests for part in request["messages"][0]["content"]
                  if part["type"] == "image_url"}
        wait(lambda: cluster.status()["vision_nodes"][0]["images"] == len(images), 5,
             "the other vision node did not encode all images")
        return f"{waiting} streams waited for an image; {tally}"


@fault
def silence(options):
    """SIGSTOP of a worker for four seconds: it counts as lost after two, and joins again."""
    with Cluster(options.program, workers=2, spares=1) as cluster:
        def hurt(_):
            cluster.members["worker-2"].signal(signal.SIGSTOP)
            time.sleep(4)
            cluster.members["worker-2"].signal(signal.SIGCONT)
        tally = disturb(cluster, options, hurt)
        wait(lambda: len(cluster.status()["spares"]) == 1, 10, "the worker did not join again")
        return tally


@fault
def drain(options):
    """SIGTERM of each worker in turn, started again: layers move away before it goes."""
    with Cluster(options.program, workers=2, spares=1) as cluster:
        def hurt(number):
            worker = cluster.members[cluster.workers()[number % 3]]
            worker.signal(signal.SIGTERM)
            assert worker.process.wait(20) == 0, "it did not end in good order"
            worker.start()
        tally = disturb(cluster, options, hurt, rounds=3)
        lost = cluster.metric("chatspot_members_lost_total")
        assert lost == 0, f"{lost:.0f} members were lost instead of drained"
        return tally


@fault
def join(options):
    """A worker joins under load and becomes part of the plan: KV blocks move with layers, nothing is computed again."""
    own = {"model": options.model, "mmproj": options.mmproj} if options.model else {}
    with Cluster(options.program, workers=1, options=["--activations", "f32"], **own) as cluster:
        def more(_):
            cluster.add_worker("worker-2")
            wait(lambda: len(cluster.status()["stages"]) == 2, 60, "the plan did not take it in", cluster)
        tally = disturb(cluster, options, more, tokens=4 * options.tokens)
        story = cluster.story()
        switch = float(re.findall(r"stands after ([\d.]+) ms", story)[-1]) / 1000
        before, moved = map(int, re.findall(r"(\d+) of (\d+) KV blocks were copied", story)[-1])
        assert moved > 0, f"no KV block moved: {story[-2000:]}"
        beyond = max(tally.pauses) - switch
        # A step takes another time over two stages than over one, and some are late whatever happens.
        after = undisturbed(cluster, questions(options.streams), options.tokens)[1]
        usual, worst = map(max, zip(tally.usual, after))
        paces = f"the usual step is {usual * 1000:.1f} ms, the longest while nothing happened {worst * 1000:.1f} ms"
        if beyond > max(2 * usual, worst):
            raise Late(f"a stream waited for {beyond * 1000:.1f} ms beyond the switch of {switch * 1000:.1f} ms; {paces}")
        return (f"{tally}; {moved} KV blocks moved, {before} of them before the switch of {switch * 1000:.1f} ms; "
                f"beyond it {beyond * 1000:.1f} ms, {paces}")


@fault
def coordinator(options):
    """kill -9 of the coordinator: it comes back, its workers find it, and it answers as before."""
    with Cluster(options.program) as cluster:
        requests = questions(options.streams)
        expected, usual = undisturbed(cluster, requests, options.tokens)
        cluster.coordinator.kill()
        cluster.restart_coordinator()
        cluster.await_ready()
        tally = Tally(usual)
        tally.add_all(run(cluster, requests, options.tokens), expected)
        tally.check()
        return tally


@fault
def damaged_checkpoint(options):
    """A worker that comes back finds its checkpoint cut short: it says so and ends; the others go on."""
    with tempfile.TemporaryDirectory() as directory:
        model = pathlib.Path(directory) / "model"
        shutil.copytree(ROOT / "Sources/chatspot/Resources/mini-chatspot", model)
        with Cluster(options.program, workers=2, spares=1) as cluster:
            def hurt(_):
                for file in model.glob("*.safetensors"):
                    os.truncate(file, file.stat().st_size // 2)
                victim = cluster.members["worker-1"]
                victim.kill()
                victim.command += ["--model", str(model)]
                victim.start()
                assert victim.process.wait(20) != 0, "it did not notice"
            return disturb(cluster, options, hurt)


@fault
def cut_short(options):
    """The checkpoint of a working stage is cut short under it: it says so and ends, and nothing wrong is computed."""
    with tempfile.TemporaryDirectory() as directory:
        model = pathlib.Path(directory) / "model"
        shutil.copytree(ROOT / "Sources/chatspot/Resources/mini-chatspot", model)
        own = {"worker-2": ["--model", str(model)]}
        with Cluster(options.program, workers=2, spares=1, own=own) as cluster:
            def hurt(_):
                os.truncate(model / "model.safetensors", 1 << 16)
                assert cluster.members["worker-2"].process.wait(20) == 1, "it did not end with an error"
            tally = disturb(cluster, options, hurt)
            file = str(model / "model.safetensors")
            for place, text in {"the log": cluster.story(), "/cluster": told_of(cluster)}.items():
                assert file in text and "cut short to 65536 bytes" in text, f"{place} does not tell: {text[-2000:]}"
            lost = cluster.metric("chatspot_members_lost_total")
            assert lost == 1, f"{lost:.0f} members count as lost"
            return tally


@fault
def read_error(options):
    """The disk of a stage fails (EIO) before it has read the layers that it needs next: it says so and ends."""
    model = ROOT / "Sources/chatspot/Resources/mini-chatspot"
    with disks.failing_disk(32, model) as disk:
        own = {"worker-2": ["--model", str(disk.path)]}
        with Cluster(options.program, workers=2, own=own, options=["--activations", "f32"]) as cluster:
            def hurt(_):
                disk.fail()
                cluster.members["worker-1"].kill()
                assert cluster.members["worker-2"].process.wait(20) == 1, "it did not end with an error"
                cluster.members["worker-1"].start()
            tally = disturb(cluster, options, hurt, tokens=4 * options.tokens)
            losses = " ".join(loss["reason"] for loss in cluster.status()["losses"])
            for place, text in {"the log": cluster.story(), "/cluster": losses}.items():
                assert f"{disk.path}/model.safetensors cannot be read any more at byte" in text \
                    and "Input/output error" in text, f"{place} does not tell: {text[-2000:]}"
            return tally


def told_of(cluster):
    """What /cluster says of the last interruption."""
    last = cluster.status()["last_interruption"]
    return last["reason"] if last else ""


def fetches_until_full(options, cache, limit=None, grow=lambda: None):
    """A worker without the checkpoint takes a lost one's place and its cache cannot hold its layers: it says so and
    ends, the others go on. Later there is room, and it goes on with what it has."""
    with Cluster(options.program, options=["--activations", "f32", "--spares", "1"]) as cluster:
        fetcher = None

        def hurt(number):
            nonlocal fetcher
            if number == 0:
                fetcher = cluster.add_worker("worker-3", "--fetch", "--cache", str(cache))
                fetcher.kill()
                fetcher.before = limit
                fetcher.start()
                wait(lambda: len(cluster.status()["spares"]) == 1, 20, "it did not join", cluster)
                cluster.members["worker-1"].kill()
                assert fetcher.process.wait(30) == 1, "it did not end with an error"
                told = f"lost worker-3: the cache {cache} cannot be written"
                wait(lambda: told in cluster.story(), 5, "nobody says why", cluster)
                return
            grow()
            fetcher.before = None
            fetcher.start()
            wait(lambda: any(stage["name"] == "worker-3" for stage in cluster.status()["stages"]), 60,
                 "it got no layers when there was room", cluster)
        tally = disturb(cluster, options, hurt, rounds=2)
        assert "tensors are here" in cluster.story(), "nothing was fetched"
        return tally


@fault
def full_cache(options):
    """The disk of a cache is full while a worker fetches its layers, or their files may not grow."""
    if os.geteuid() == 0:
        with disks.small_disk(200) as disk:
            return fetches_until_full(options, disk.path, grow=lambda: disk.resize(64 << 10))
    with tempfile.TemporaryDirectory() as cache:
        return fetches_until_full(options, cache, limit=disks.small_files(64))


@fault
def full_journal(options):
    """The journal's disk is full: who insists on being stored is refused with 507, others get their answers."""
    with disks.small_disk(4 << 10) as disk:
        journal = ["--journal", str(disk.path / "journal")]
        with Cluster(options.program, workers=2, options=journal) as cluster:
            requests = questions(options.streams)
            expected, usual = undisturbed(cluster, requests, options.tokens)
            stored = [request | {"store": True} for request in requests]

            def ask(requests):
                streams = run(cluster, requests, options.tokens)
                for stream in streams:
                    stream.join(120)
                return streams

            tally = Tally(usual)
            disk.fill()
            tally.add_all(ask(requests), expected)
            for stream in ask(stored):
                assert stream.problem and stream.problem.startswith("507"), f"{stream.problem} instead of 507"
            errors = cluster.metric("chatspot_journal_errors_total")
            assert errors >= 2 * options.streams, f"{errors:.0f} errors are counted"
            assert "the journal" in cluster.story() and "is full" in cluster.story(), "the log does not tell"
            disk.empty()
            tally.add_all(ask(stored), expected)
            tally.check()
            return f"{tally}; {errors:.0f} counted errors"


@fault
def liar(options):
    """A stage that answers garbage, wrong shapes, old epochs, tokens nobody asked for: it is taken out, others go on."""
    told = []
    for lie in stranger.LIES:
        with Cluster(options.program, workers=1, options=["--activations", "f32"]) as cluster:
            requests = questions(options.streams)
            expected, usual = undisturbed(cluster, requests, options.tokens)
            peer = stranger.Stranger(cluster, "worker-9", lie)
            try:
                cluster.members["worker-1"].kill()
                wait(lambda: peer.assigned, 20, "it got no layers", cluster)
                tally = Tally(usual)
                streams = run(cluster, requests, options.tokens)
                wait(lambda: peer.steps > 0, 20, f"{lie.__name__}: it got no step", cluster)
                cluster.members["worker-1"].start()
                tally.add_all(streams, expected)
            finally:
                peer.close()
            assert not tally.failed + tally.wrong + tally.lost + tally.doubled, (
                f"{lie.__name__}: {tally}: {tally.problems[:2]}")
            told.append(f"{lie.__name__} {peer.steps}")
    return f"every stream as undisturbed; steps lied about: {', '.join(told)}"


@fault
def babble(options):
    """Peers that say nothing that can be understood, or break off, delay nobody and take no memory."""
    with Cluster(options.program) as cluster:
        pid = cluster.coordinator.process.pid

        def resident():
            return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        before = resident()
        tally = disturb(cluster, options, lambda _: stranger.pester(cluster.address))
        grown = (resident() - before) / 1e6
        assert grown < 200, f"the coordinator grew by {grown:.0f} MB"
        return tally


@fault
def slow_client(options):
    """A client that reads its stream slowly delays nobody."""
    with Cluster(options.program) as cluster:
        requests = questions(options.streams)
        expected, usual = undisturbed(cluster, requests, options.tokens)
        slow = Stream(cluster.url, requests[0], options.tokens, slow=0.05)
        slow.start()
        tally = Tally(usual)
        begin = time.monotonic()
        tally.add_all(run(cluster, requests, options.tokens), expected)
        taken = time.monotonic() - begin
        tally.add_all([slow], expected[:1])
        tally.check()
        if taken > 0.05 * options.tokens:
            raise Late(f"the others took {taken:.1f} s")
        return tally


@fault
def partition(options):
    """Five seconds without a packet between two stages on machines of their own, both ways and one way."""
    with network.machines("coordinator", "worker-1", "worker-2", "vision") as machines:
        with Cluster(options.program, machines=machines) as cluster:
            def hurt(number):
                both = number == 0
                with machines.cut("worker-1", "worker-2", both_ways=both):
                    time.sleep(5)
            return disturb(cluster, options, hurt, rounds=2)


@fault
def bad_network(options):
    """Delay, loss, reordering and a slow link between all machines."""
    with bad_link("coordinator", "worker-1", "worker-2", "vision") as link:
        with Cluster(options.program, machines=link) as cluster:
            def hurt(_):
                link.shape(delay=0.003, jitter=0.002, loss=0.01, reorder=0.05, rate=50e6)
            tally = disturb(cluster, options, hurt)
            link.shape()
        assert link.lost > 0, "no packet was lost"
        return f"{tally}; {link.passed} packets passed, {link.lost} lost"


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
        if FAULTS[name] in (partition, bad_network) and not machine_available():
            print(f"{name:20} left out: network namespaces need root", flush=True)
            continue
        if FAULTS[name] is bad_network and not os.path.exists("/dev/net/tun"):
            print(f"{name:20} left out: there is no /dev/net/tun", flush=True)
            continue
        if FAULTS[name] is read_error and not disks.failing_disk_available():
            print(f"{name:20} left out: a disk that fails needs root and a loop device", flush=True)
            continue
        if FAULTS[name] is full_journal and os.geteuid() != 0:
            print(f"{name:20} left out: a disk of its own needs root", flush=True)
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
