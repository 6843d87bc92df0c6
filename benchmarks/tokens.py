"""P6: client assertions verified (single use, durable) and access tokens issued, per second.

Beside the processor's time of a token stands that of its two operations of RSA alone: less it cannot be.
"""

import statistics
import time
import urllib.parse
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks.measure import load, post, processor_seconds, table
from benchmarks.servers import Served
from superfacility.testing.tokens import sign_assertion

ROUNDS, SECONDS = 3, 4.0
MOST_PER_ROUND = 8000
TRIES = 500


def run(served: Served, folder: Path) -> None:
    figures = [_round(served) for _ in range(ROUNDS)]
    rate, p99, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
    table(
        "P6 tokens (RS256 assertion, single use, committed before the answer; one server process)",
        ["", "tokens/s", "p99", "goal", "CPU each", "RSA alone"],
        [["POST /oauth2/token", f"{rate:,.0f}", f"{p99:.1f} ms", "1,000/s", f"{cpu:.0f} us", f"{_rsa_alone():.0f} us"]],
    )


def _round(served: Served) -> tuple[float, float, float]:
    """Tokens a second, p99, microseconds of the processor. Assertions are signed beforehand; the round ends before they
    run out."""
    requests = [_request(served) for _ in range(MOST_PER_ROUND)]
    before = processor_seconds(served.process.pid)
    done = load(served.port, requests, seconds=SECONDS, connections=32)
    cpu = processor_seconds(served.process.pid) - before
    assert done["requests"] <= MOST_PER_ROUND
    return done["requests"] / SECONDS, done["p99_ms"], 1e6 * cpu / done["requests"]


def _rsa_alone() -> float:
    """Microseconds to verify one signature and make another, RSA of 2048 bits: the least of some rounds."""
    key, message, least = rsa.generate_private_key(65537, 2048), bytes(500), float("inf")
    public, how = key.public_key(), (padding.PKCS1v15(), hashes.SHA256())
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(TRIES):
            public.verify(key.sign(message, *how), message, *how)
        least = min(least, time.thread_time() - began)
    return 1e6 * least / TRIES


def _request(served: Served) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign_assertion(served.key["secret"], served.key["client_id"], served.token_url),
    }
    return post("/oauth2/token", urllib.parse.urlencode(form))
