"""A thread that waits for an answer, and a client who does not."""

from concurrent.futures import Future
from threading import Timer

import pytest
from starlette.requests import ClientDisconnect

from nmt.server.waiting_threads import WaitingClient


def test_an_answer_is_returned_when_it_is_there() -> None:
    future: Future[int] = Future()
    Timer(0.3, future.set_result, [7]).start()  # later than the first look for the client
    assert WaitingClient().answer(future, 60) == 7


def test_nothing_is_waited_for_longer_than_asked() -> None:
    future: Future[int] = Future()
    for seconds in (-1, 0, 0.01, 0.3):
        with pytest.raises(TimeoutError):
            WaitingClient().answer(future, seconds)
    future.set_result(7)
    assert WaitingClient().answer(future, 0) == 7


def test_a_client_that_has_left_waits_for_nothing() -> None:
    client, future = WaitingClient(), Future[int]()
    Timer(0.1, client.leave).start()
    with pytest.raises(ClientDisconnect):
        client.answer(future, 60)
    future.set_result(7)
    with pytest.raises(ClientDisconnect):
        client.answer(future, 60)
