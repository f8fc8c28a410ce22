"""Peers that lie, babble, or do not read what they asked for."""

import os
import pathlib
import time

import stranger
from cluster import Cluster, wait
from fault import Late, disturb, fault
from streams import Stream, Tally, questions, run, undisturbed


@fault()
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


@fault()
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


@fault()
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
