"""Which blobs stay, and for how long."""

import os
import time

from tests.unit.emulator.pushed import REGISTRY

DAY = 24 * 3600.0


def test_blobs_that_no_manifest_needs_are_swept_after_a_day_only(part):
    digest = part.push("v1", b"needed")
    needed, loose, asked = part.blob(b"needed"), part.blob(b"loose"), part.blob(b"asked for")
    future = time.time() + 1

    def there() -> list[bool]:
        return [part.images.links.size(REGISTRY, "app", one["digest"]) is not None for one in (needed, loose, asked)]

    part.images.links.sweep(file_before=future)
    part.clock.offset = DAY - 60
    assert part.images.links.size(REGISTRY, "app", asked["digest"]) is not None
    part.clock.offset = DAY + 60
    part.images.links.sweep(file_before=future)
    assert there() == [True, False, True]
    assert part.blobs.size(loose["digest"]) is None
    part.images.delete_manifest(REGISTRY, "app", digest)
    part.clock.offset = 3 * DAY
    part.images.links.sweep(file_before=future)
    assert part.blobs.size(needed["digest"]) is None


def test_sweeping_is_done_by_the_hour(part):
    loose = part.blob(b"loose")["digest"]
    os.utime(part.blobs.path(loose), (1000, 1000))
    part.clock.offset = DAY + 60
    part.images.links.tidy()
    assert part.blobs.size(loose) is None
