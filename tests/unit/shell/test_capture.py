import pytest

from labrunner.shell.capture import Capture


def test_a_short_stream_is_kept_whole():
    capture = Capture(head=10, tail=10)
    capture.add(b"abc")
    capture.add(b"def")
    assert (capture.output(), capture.dropped) == (b"abcdef", 0)


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
@pytest.mark.parametrize("length", [4, 5, 8, 9, 10, 11, 57, 300])
def test_head_and_tail_are_those_of_the_stream(length, piece):
    stream = bytes(number % 251 for number in range(length))
    capture = Capture(head=5, tail=4)
    for start in range(0, length, piece):
        capture.add(stream[start : start + piece])
    expected = stream if length <= 9 else stream[:5] + stream[-4:]
    assert capture.output() == expected
    assert capture.dropped == length - len(expected)


def test_memory_does_not_grow_with_the_stream():
    import tracemalloc

    capture = Capture(head=100_000, tail=100_000)
    data = bytes(10_000)
    tracemalloc.start()
    try:
        for _ in range(2000):
            capture.add(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert capture.dropped == 2000 * 10_000 - 200_000
    assert peak < 1_000_000
