"""What a fault is: the list of them, when one can be done here, and the way that most go about it."""

import os
import random
import time

from streams import Tally, questions, run, undisturbed

FAULTS = {}


class Late(AssertionError):
    """Everything was right but took longer than is promised. Where other work has the processors that says little
    of one run, so that such a fault is tried again; whatever else is wrong fails at once."""


def fault(*, needs=lambda: None):
    """Adds a fault to the list. `needs` says what is missing here that it cannot do without, or nothing."""
    def add(function):
        function.missing = needs
        FAULTS[function.__name__.replace("_", "-")] = function
        return function
    return add


def root():
    """Missing unless root runs this."""
    return None if os.geteuid() == 0 else "it needs root"


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
