"""Files that are damaged or cut short, and disks that fail or are full."""

import os
import pathlib
import shutil
import tempfile

import disks
from cluster import ROOT, Cluster, wait
from fault import disturb, fault, root
from streams import Tally, questions, run, undisturbed


@fault()
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


@fault()
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


def failing_disk():
    """Missing unless a disk that fails can be mounted here."""
    return None if disks.failing_disk_available() else "a disk that fails needs root and a loop device"


@fault(needs=failing_disk)
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


@fault()
def full_cache(options):
    """The disk of a cache is full while a worker fetches its layers, or their files may not grow."""
    if os.geteuid() == 0:
        with disks.small_disk(200) as disk:
            return fetches_until_full(options, disk.path, grow=lambda: disk.resize(64 << 10))
    with tempfile.TemporaryDirectory() as cache:
        return fetches_until_full(options, cache, limit=disks.small_files(64))


@fault(needs=root)
def full_journal(options):
    """The journal's disk is full: who insists on being stored is refused with 507, others get their answers."""
    with disks.small_disk(4 << 10) as disk:
        journal = ["--journal", str(disk.path / "journal")]
        with Cluster(options.program, workers=2, options=journal) as cluster:
            requests = questions(options.streams)
            expected, usual = undisturbed(cluster, requests, options.tokens)
            stored = [request | {"store": True} for request in requests]

            tally = Tally(usual)
            disk.fill()
            tally.add_all(run(cluster, requests, options.tokens), expected)
            for stream in run(cluster, stored, options.tokens):
                stream.join(120)
                assert stream.problem and stream.problem.startswith("507"), f"{stream.problem} instead of 507"
            errors = cluster.metric("chatspot_journal_errors_total")
            assert errors >= 2 * options.streams, f"{errors:.0f} errors are counted"
            assert "the journal" in cluster.story() and "is full" in cluster.story(), "the log does not tell"
            disk.empty()
            tally.add_all(run(cluster, stored, options.tokens), expected)
            tally.check()
            return f"{tally}; {errors:.0f} counted errors"
