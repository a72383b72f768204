from math import inf
from signal import SIGINT, SIGKILL, SIGTERM

from labrunner.shell.ladder import Grace, Ladder

GRACE = Grace(interrupt=3, terminate=2, kill=1, again=0.5)


def climbing(*times):
    sent = []
    ladder = Ladder(lambda number: sent.append(number) is None, grace=GRACE)
    ladder.start(times[0])
    for time in times:
        ladder.climb(time)
    return ladder, sent


def test_nothing_is_sent_before_the_start():
    sent = []
    ladder = Ladder(sent.append, grace=GRACE)
    ladder.climb(1e9)
    assert (sent, ladder.sent, ladder.due) == ([], (), inf)


def test_signals_come_in_order_each_after_its_grace():
    ladder, sent = climbing(10, 12.9, 13, 14.9, 15)
    assert sent == [SIGINT, SIGTERM, SIGKILL]
    assert ladder.sent == ("INT", "TERM", "KILL")


def test_nothing_is_sent_within_a_grace():
    ladder, sent = climbing(10, 11, 12, 12.9)
    assert sent == [SIGINT]
    assert ladder.due == 13


def test_kill_is_repeated_until_it_has_failed():
    ladder, sent = climbing(10, 13, 15, 15.5, 16, 16.5)
    assert sent == [SIGINT, SIGTERM, SIGKILL, SIGKILL]
    assert ladder.failed
    assert ladder.sent == ("INT", "TERM", "KILL")


def test_after_a_persons_interrupt_nothing_follows_until_the_start_and_then_term():
    sent = []
    ladder = Ladder(lambda number: sent.append(number) is None, grace=GRACE)
    ladder.interrupt()
    ladder.climb(100)
    assert sent == [SIGINT]
    ladder.start(100)
    ladder.climb(100)
    assert sent == [SIGINT, SIGTERM]
    assert ladder.sent == ("INT", "TERM")
