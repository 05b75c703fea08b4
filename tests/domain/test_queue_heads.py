"""Who joins at the head says that nobody waits before him; unless that was wrong once."""

from __future__ import annotations

from itertools import permutations

from domain.queue_heads import Head, QueueHeads, Stay

S = 1000


def heads(*news: Head | Stay) -> QueueHeads:
    queue = QueueHeads()
    for one in news:
        queue.note(one)
    return queue


def test_who_entered_before_somebody_joined_at_the_head_waits_no_more():
    queue = heads(Head(30 * S, 30 * S, 0), Head(90 * S, 60 * S, 0))
    assert queue.gone(10 * S, 0) == 30 * S
    assert queue.gone(30 * S, 0) == 90 * S, "not he himself"
    assert queue.gone(60 * S, 0) is None, "he left from the head, and whoever came after him waits on"


def test_nothing_is_believed_once_somebody_waited_on_who_could_not_in_whatever_order_that_is_heard():
    news: list[Head | Stay] = [
        Head(30 * S, 30 * S, arrived=5),
        Stay(80 * S, 10 * S, arrived=9),
        Stay(29 * S, 8 * S, arrived=9),
    ]
    for order in permutations(news):
        queue = heads(*order)
        assert queue.gone(20 * S, 0) is None
        assert queue.gone(20 * S, 6) is None, "its head is forgotten, and so is what it said"
    believed = heads(news[0], news[2])
    assert believed.gone(20 * S, 0) == 30 * S


def test_a_second_is_no_contradiction_because_a_log_writes_whole_ones():
    assert heads(Head(30 * S, 30 * S, 0), Stay(31 * S, 10 * S, 0)).gone(20 * S, 0) == 30 * S
    assert heads(Head(30 * S, 30 * S, 0), Stay(31 * S + 1, 10 * S, 0)).gone(20 * S, 0) is None


def test_what_is_forgotten_contradicts_nothing_any_more():
    queue = heads(Head(30 * S, 30 * S, 5), Stay(80 * S, 10 * S, 9), Head(200 * S, 200 * S, 50))
    queue.forget(20)
    assert queue.gone(190 * S, 20) == 200 * S
