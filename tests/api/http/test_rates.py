"""Limits on the wire: 429 with Retry-After for a client or a stranger that asks too fast, never on the status."""

from superfacility.http.rates import Rate, Rates


async def test_a_client_that_polls_too_fast_is_told_when_to_come_back(site):
    site.app.state.rates = Rates(client=Rate(0.5, 3))
    for path in ("/tasks/", "/account/", "/tasks/"):
        assert (await site.get(path, "green:demo1")).status_code == 200
    refused = await site.get("/tasks/", "green:demo1")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 2
    assert "may make 0.5 requests a second" in refused.json()["detail"]
    assert (await site.get("/tasks/", "green:demo2")).status_code == 200


async def test_a_polled_read_counts_once_whichever_way_answers_it(site):
    site.app.state.rates = Rates(client=Rate(0.001, 4))
    for _ in range(4):  # an unknown task goes through the lane and then through the route
        assert (await site.get("/tasks/77", "green:demo1")).status_code == 404
    assert (await site.get("/tasks/77", "green:demo1")).status_code == 429


async def test_the_status_is_for_everybody_always(site):
    site.app.state.rates = Rates(Rate(0.001, 1), Rate(0.001, 1))
    for _ in range(5):
        assert (await site.get("/status")).status_code == 200
        assert (await site.get("/status/perlmutter", "green:demo1")).status_code == 200


async def test_strangers_are_counted_by_address_and_proven_callers_are_not(site):
    site.app.state.rates = Rates(address=Rate(0.001, 2))
    for _ in range(2):
        assert (await site.get("/account/")).status_code == 403
    assert (await site.get("/account/")).status_code == 429
    assert (await site.get("/account/", "green:demo1")).status_code == 200
