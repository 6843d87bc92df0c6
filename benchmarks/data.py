"""P4: 1 GiB up and down through the API, local filesystem, against nginx (PUT and sendfile) where it is installed."""

import http.client
import shutil
import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import interleaved, ratio, table
from benchmarks.servers import Served, nginx

ROUNDS, SIZE, PIECE = 3, 1 << 30, 1 << 20
BOUNDARY = "superfacility-benchmark"


def run(served: Served, folder: Path) -> None:
    target = f"/api/v1.2/utilities/{{}}/perlmutter/{served.directory}/scratch/demo1/big.bin"
    (served.directory / "scratch" / "demo1").mkdir(parents=True, exist_ok=True)
    token = served.token()
    before = served.resident_bytes()
    with nginx(folder) as reference:
        sides = [lambda: _upload(served.port, target.format("upload"), token, multipart=True)]
        if reference is not None:
            sides.append(lambda: _upload(reference, "/big.bin", "", multipart=False))
        uploads = interleaved(ROUNDS, *sides)
        rows = [_row("upload (multipart, synced to disk)", uploads)]
        for name, query, accept in (("raw", "", "application/octet-stream"), ("JSON, base64", "?binary=true", "*/*")):
            source = partial(_download, served.port, target.format("download") + query, token, accept)
            sides = [source] if reference is None else [source, partial(_download, reference, "/big.bin", "", "*/*")]
            rows.append(_row(f"download ({name})", interleaved(ROUNDS, *sides)))
    grown = served.peak_bytes() - before
    table(f"P4 data, 1 GiB (MB/s, median; memory of the server grew by {grown >> 20} MiB, goal 64)", COLUMNS, rows)
    shutil.rmtree(served.directory / "scratch" / "demo1")


COLUMNS = ["", "ours", "nginx", "ratio", "goal"]


def _row(name: str, series: list[list[float]]) -> list[str]:
    ours = f"{statistics.median(series[0]):,.0f}"
    if len(series) == 1:
        return [name, ours, "not installed", "-", "0.75"]
    return [name, ours, f"{statistics.median(series[1]):,.0f}", f"{ratio(series[0], series[1]):.2f}", "0.75"]


def _pieces(*, multipart: bool) -> Iterator[bytes]:
    piece = bytes(range(256)) * (PIECE // 256)
    if multipart:
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n\r\n'.encode()
    for _ in range(SIZE // PIECE):
        yield piece
    if multipart:
        yield f"\r\n--{BOUNDARY}--\r\n".encode()


def _upload(port: int, path: str, token: str, *, multipart: bool) -> float:
    extra = sum(map(len, _pieces(multipart=True))) - SIZE if multipart else 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300, blocksize=PIECE)
    started = time.perf_counter()
    connection.putrequest("PUT", path)
    connection.putheader("Content-Length", str(SIZE + extra))
    if multipart:
        connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        connection.putheader("Authorization", f"Bearer {token}")
    connection.endheaders()
    for piece in _pieces(multipart=multipart):
        connection.send(piece)
    answer = connection.getresponse()
    body = answer.read()
    taken = time.perf_counter() - started
    if answer.status not in {200, 201, 204} or b"ERROR" in body:
        raise RuntimeError(f"upload answered {answer.status}: {body[:500]!r}")
    return SIZE / taken / 1e6


def _download(port: int, path: str, token: str, accept: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept": accept})
    answer = connection.getresponse()
    view, received = bytearray(PIECE), 0
    while count := answer.readinto(view):
        received += count
    taken = time.perf_counter() - started
    if answer.status != 200 or received < SIZE:
        raise RuntimeError(f"download answered {answer.status} with {received} bytes")
    return SIZE / taken / 1e6
