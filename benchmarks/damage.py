"""Truncated, flipped and otherwise damaged files: `python -m benchmarks fuzz --count N`.

Each kind of file that the library reads is damaged and read again. Reading must give what it gave
before, or end in the one error that this reader has for damage: never in another exception, never
in other content, never hang or fill the memory. Files that carry no checksum, since people or other
programs write them, may also give other content; a parser's error is then the only other end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.damage_kinds import Kind, kinds

SECONDS = 20  # of the processor, for one file of some kilobytes: more is a hang
MEMORY = 3_000_000_000  # bytes of address space beyond what the process has at the start


class Hang(BaseException):
    """Not an Exception, so that no reader can catch it."""


# ---------------------------------------------------------------------------- damage


def cuts_and_flips(content: bytes, most: int, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """The content cut short at, and with one bit flipped in, at most `most` places each."""
    n = len(content)
    places = range(n) if n <= most else sorted(rng.sample(range(n), most))
    for place in places:
        yield f"cut to {place} bytes", content[:place]
    for place in places:
        bit = rng.randrange(8)
        flipped = bytes([content[place] ^ (1 << bit)])
        yield f"bit {bit} of byte {place} flipped", content[:place] + flipped + content[place + 1 :]


def mutated(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Up to eight random changes: bytes overwritten, cut out, doubled, put in, or from a file of
    another kind; numbers and brackets where they hurt."""
    made = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(made) + 1)
        size = min(int(rng.expovariate(0.1)) + 1, 4000)
        change = rng.randrange(7)
        if change == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif change == 1:
            made[at : at + size] = rng.randbytes(size)
        elif change == 2:
            del made[at : at + size]
        elif change == 3:
            made[at:at] = made[at : at + size] * rng.choice((1, 2, 50))
        elif change == 4:
            made[at:at] = rng.choice(_NASTY)
        elif change == 5:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            made[at : at + size] = other[start : start + size]
        else:
            del made[at:]
    return bytes(made)


_NASTY = (
    b"[" * 5000, b'{"a":' * 2000, b"-1", b"NaN", b"1e999", b"9" * 5000, b"\x00" * 8, b"\xff" * 8,
    b"\n", b"\r", b'"', b"::", b"|", b"\t", b",", b"\xef\xbb\xbf", b"\xc3", b"\x7f\xff\xff\xff",
)  # fmt: skip


class Outcomes(Counter[str]):
    """How often damage was refused, did not matter, or changed a file without a checksum."""


def judge(kind: Kind, good: Any, damage: str, content: bytes, found: Outcomes) -> str | None:
    """Write the damaged content, read it, and count how it ended; what was wrong with that."""
    kind.path.write_bytes(content)
    where = f"{kind.name}, {damage}"
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = kind.read()
    except kind.refuses:
        found["refused"] += 1
        return None
    except Hang:
        return f"{where}: no end after {SECONDS} s"
    except Exception as error:
        return f"{where}: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if repr(got) == repr(good):
        found["same"] += 1
    elif kind.summed:
        return f"{where}: other content, and no error"
    else:
        found["other"] += 1
    return None


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    def too_long(*_: Any) -> None:
        raise Hang

    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc").is_dir() else 0
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, too_long)
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def run(places: int, count: int, seed: int = 0, seconds: float = 1e9) -> dict[str, Any]:
    """Damage every kind at so many places, then `count` files at random: the counts of outcomes.

    seconds : CPU seconds after which random files end early

    Raises AssertionError that names the files that ended as they must not.
    """
    wrong: list[str | None] = []
    torch.set_num_threads(1)
    rng = random.Random(seed)
    table: dict[str, Outcomes] = {}
    random_ones = Outcomes()
    with tempfile.TemporaryDirectory() as name, _limits():
        all_kinds = kinds(Path(name))
        whole = {kind.name: kind.path.read_bytes() for kind in all_kinds}
        good = {kind.name: kind.read() for kind in all_kinds}
        for kind in all_kinds:
            found = table[kind.name] = Outcomes()
            for damage, content in cuts_and_flips(whole[kind.name], places, rng):
                wrong.append(judge(kind, good[kind.name], damage, content, found))
            kind.path.write_bytes(whole[kind.name])
        others = list(whole.values())
        end = time.process_time() + seconds
        for number in range(count):
            if time.process_time() > end:
                break
            kind = all_kinds[number % len(all_kinds)]
            content = mutated(whole[kind.name], rng, others)
            label = f"random damage {number} of seed {seed}"
            wrong.append(judge(kind, good[kind.name], label, content, random_ones))
            kind.path.write_bytes(whole[kind.name])
    if harm := [one for one in wrong if one is not None]:
        raise AssertionError(f"{len(harm)} files: " + "\n".join(one[:200] for one in harm[:20]))
    return {
        "places": {name: dict(found) for name, found in table.items()},
        "files": sum(random_ones.values()),
        "outcomes": dict(random_ones),
        "seed": seed,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.damage", description=__doc__)
    parser.add_argument("--places", type=int, default=100)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(run(options.places, options.count, options.seed)))
