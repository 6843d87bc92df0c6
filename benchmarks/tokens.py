"""P6: client assertions verified (single use, durable) and access tokens issued, per second."""

import statistics
import urllib.parse
from pathlib import Path

from benchmarks.measure import load, post, table
from benchmarks.servers import Served
from superfacility.testing.tokens import sign_assertion

ROUNDS, SECONDS = 3, 4.0
MOST_PER_ROUND = 8000


def run(served: Served, folder: Path) -> None:
    figures = [_round(served) for _ in range(ROUNDS)]
    table(
        "P6 tokens (RS256 assertion, single use, committed before the answer; one server process)",
        ["", "tokens/s", "p99", "goal"],
        [
            [
                "POST /oauth2/token",
                f"{statistics.median(rate for rate, _ in figures):,.0f}",
                f"{statistics.median(p99 for _, p99 in figures):.1f} ms",
                "1,000/s",
            ]
        ],
    )


def _round(served: Served) -> tuple[float, float]:
    """Assertions are signed beforehand; the round ends before they run out."""
    requests = [_request(served) for _ in range(MOST_PER_ROUND)]
    done = load(served.port, requests, seconds=SECONDS, connections=32)
    assert done["requests"] <= MOST_PER_ROUND
    return done["requests"] / SECONDS, done["p99_ms"]


def _request(served: Served) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign_assertion(served.key["secret"], served.key["client_id"], served.token_url),
    }
    return post("/oauth2/token", urllib.parse.urlencode(form))
