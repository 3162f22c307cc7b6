"""The protocol of a benchmark program: it reads a line, does one step and prints a JSON line. So the driver can make two programs take turns."""

import json
import sys

import torch



def device(name):
    """The device to compute on: `cuda`, or the CPU with the given number of threads."""
    if name != "cuda":
        torch.set_num_threads(int(name))
    return torch.device("cuda" if name == "cuda" else "cpu")


def finish(device):
    """Waits until the device has finished all work."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def answer(step):
    """Prints `{}` once everything is loaded, then calls `step` for every line on standard input and prints its result."""
    say({})
    for _ in sys.stdin:
        say(step())


def say(value):
    print(json.dumps(value), flush=True)
