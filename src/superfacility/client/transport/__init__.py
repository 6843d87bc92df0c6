"""Bytes to and from a server: one request and its reply. What they mean is known elsewhere.

The client is written once, as coroutines over the port `Transport`. `blocking` answers them from the standard library's
HTTP client without an event loop, so that every `await` returns at once; `asynchronous` answers from httpx2.
"""
