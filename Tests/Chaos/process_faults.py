"""Processes that are killed, stopped, drained, or join, while answers stream."""

import random
import re
import signal
import statistics
import time

from cluster import Cluster, wait
from fault import Late, disturb, fault
from streams import Stream, Tally, questions, run, undisturbed


@fault()
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


@fault()
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


@fault()
def first_stage(options):
    """kill -9 of the first stage, no spare: the one that is left takes all layers."""
    with Cluster(options.program, options=["--activations", "f32"]) as cluster:
        return disturb(cluster, options, lambda _: cluster.members["worker-1"].kill())


@fault()
def last_stage(options):
    """kill -9 of the last stage, no spare."""
    with Cluster(options.program, options=["--activations", "f32"]) as cluster:
        return disturb(cluster, options, lambda _: cluster.members["worker-2"].kill())


@fault()
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


@fault()
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


@fault()
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


@fault()
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


@fault()
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


@fault()
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


@fault()
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


@fault()
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


@fault()
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
