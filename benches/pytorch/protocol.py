"""A line in, a JSON line out: how the driver makes two programs take turns."""

import json
import sys


def answer(step):
    """Calls `step` for every line on standard input and prints what it gives. Says `{}` first, once all is loaded."""
    say({})
    for _ in sys.stdin:
        say(step())


def say(value):
    print(json.dumps(value), flush=True)
