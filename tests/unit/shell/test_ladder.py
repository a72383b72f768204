from math import inf
from signal import SIGINT, SIGKILL, SIGTERM

from labrunner.shell.ladder import Grace, Ladder

GRACE = Grace(interrupt=3, terminate=2, kill=1, again=0.5)


def climbing(*times):
    ladder = Ladder(grace=GRACE)
    ladder.start(times[0])
    return ladder, [ladder.climb(time) for time in times]


def test_nothing_is_due_before_the_start():
    ladder = Ladder(grace=GRACE)
    assert ladder.climb(1e9) is None
    assert (ladder.sent, ladder.due) == ((), inf)


def test_signals_come_in_order_each_after_its_grace():
    ladder, signals = climbing(10, 12.9, 13, 14.9, 15)
    assert signals == [SIGINT, None, SIGTERM, None, SIGKILL]
    assert ladder.sent == ("INT", "TERM", "KILL")


def test_kill_is_repeated_until_it_has_failed():
    ladder, signals = climbing(10, 13, 15, 15.5, 16, 16.5)
    assert signals == [SIGINT, SIGTERM, SIGKILL, SIGKILL, None, None]
    assert ladder.failed
    assert ladder.sent == ("INT", "TERM", "KILL")


def test_after_a_persons_interrupt_nothing_follows_until_the_start_and_then_term():
    ladder = Ladder(grace=GRACE)
    assert ladder.interrupt() == SIGINT
    assert ladder.climb(100) is None
    ladder.start(100)
    assert ladder.climb(100) == SIGTERM
    assert ladder.sent == ("INT", "TERM")
