"""Keeps the beginning and the end of a stream in constant memory. Knows nothing of shells."""

__all__ = ["HEAD_BYTES", "TAIL_BYTES", "Capture"]

HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 1024 * 1024


class Capture:
    """The first `head` bytes and the last `tail` bytes of what was added; the rest is counted and dropped."""

    __slots__ = ("_head", "_head_limit", "_tail", "_tail_limit", "_total")

    def __init__(self, *, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._head_limit = head
        self._tail_limit = tail
        self._total = 0

    def add(self, data: bytes) -> None:
        """Append to the stream. Amortised O(len(data))."""
        self._total += len(data)
        room = self._head_limit - len(self._head)
        if room >= len(data):
            self._head += data
            return
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        # Cutting at twice the size, not at each addition, moves every byte once at most.
        if len(self._tail) >= 2 * self._tail_limit:
            del self._tail[: len(self._tail) - self._tail_limit]

    @property
    def dropped(self) -> int:
        """How many bytes between head and tail are missing from `output`."""
        return max(0, self._total - len(self._head) - self._tail_limit)

    def output(self) -> bytes:
        """Head and tail, joined."""
        if not self._tail:
            return bytes(self._head)
        excess = max(0, len(self._tail) - self._tail_limit)
        return b"".join((self._head, memoryview(self._tail)[excess:]))
