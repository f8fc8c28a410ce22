"""Machines that do not reach each other, or over a bad link."""

import os
import time

import network
from bad_link import bad_link
from cluster import Cluster, machine_available
from fault import disturb, fault


def namespaces():
    """Missing unless machines can be made here."""
    return None if machine_available() else "network namespaces need root"


def tunnel():
    """Missing unless there is also a device whose packets one can hold up."""
    return namespaces() or (None if os.path.exists("/dev/net/tun") else "there is no /dev/net/tun")


@fault(needs=namespaces)
def partition(options):
    """Five seconds without a packet between two stages on machines of their own, both ways and one way."""
    with network.machines("coordinator", "worker-1", "worker-2", "vision") as machines:
        with Cluster(options.program, machines=machines) as cluster:
            def hurt(number):
                both = number == 0
                with machines.cut("worker-1", "worker-2", both_ways=both):
                    time.sleep(5)
            return disturb(cluster, options, hurt, rounds=2)


@fault(needs=tunnel)
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
