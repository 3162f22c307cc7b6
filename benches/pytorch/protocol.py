"""A line in, a JSON line out: how the driver makes two programs take turns."""

import json
import sys

import torch



def device(name):
    """The one to compute on: `cuda`, or a number of threads of the CPU."""
    if name != "cuda":
        torch.set_num_threads(int(name))
    return torch.device("cuda" if name == "cuda" else "cpu")


def finish(device):
    """Waits until all that was asked for is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def answer(step):
    """Calls `step` for every line on standard input and prints what it gives. Says `{}` first, once all is loaded."""
    say({})
    for _ in sys.stdin:
        say(step())


def say(value):
    print(json.dumps(value), flush=True)
