import stat
from pathlib import Path

import pytest

from labrunner.model import Outcome
from labrunner.record.events import LabStarted, OutputArrived, StepEnded
from labrunner.record.transcript import Transcript, TranscriptError, read, utc_clock

ENDED = StepEnded(lab="l", step="s", outcome=Outcome.FAILED, seconds=1.5, attempts=2, hints=1, reason="gone \udcff")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session" / "transcript.jsonl"


def transcript(path: Path) -> Transcript:
    return Transcript(str(path), now=lambda: "2026-11-23T10:00:00+00:00")


def test_an_event_is_on_the_disk_before_the_next_is_made(path: Path) -> None:
    written = transcript(path)
    written.write(LabStarted(lab="l", title="Ärger"))
    assert path.read_text() == (
        '{"event":"lab-started","time":"2026-11-23T10:00:00+00:00","lab":"l","title":"Ärger"}\n'
    )
    written.write(ENDED)
    assert [record["event"] for record in read(str(path))] == ["lab-started", "step-ended"]
    written.close()


def test_what_is_transient_is_not_written(path: Path) -> None:
    written = transcript(path)
    written.write(OutputArrived(data="secret on its way"))
    written.close()
    assert path.read_text() == ""


def test_only_its_owner_can_read_it(path: Path) -> None:
    transcript(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_line_cut_by_a_crash_is_left_out(path: Path) -> None:
    written = transcript(path)
    written.write(ENDED)
    written.close()
    with path.open("a") as file:
        file.write('{"event":"lab-en')
    records = list(read(str(path)))
    assert len(records) == 1
    assert records[0]["outcome"] == "failed"


@pytest.mark.parametrize("line", ["not json\n", "[]\n", '{"no": "event"}\n'])
def test_anything_else_is_named_with_its_line(path: Path, line: str) -> None:
    path.parent.mkdir()
    path.write_text('{"event":"lab-started"}\n' + line)
    with pytest.raises(TranscriptError, match=r"transcript.jsonl:2: not a"):
        list(read(str(path)))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TranscriptError, match="cannot make the transcript"):
        transcript(tmp_path / "file" / "transcript.jsonl")


def test_its_clock_tells_utc_to_the_millisecond_over_the_end_of_a_second_and_back() -> None:
    second = 1_796_000_399 * 1_000_000_000
    moments = iter([second + 999_999_999, second + 1_000_000_000, second + 7_000_000])
    now = utc_clock(lambda: next(moments))
    assert [now(), now(), now()] == [
        "2026-11-30T00:59:59.999+00:00",
        "2026-11-30T01:00:00.000+00:00",
        "2026-11-30T00:59:59.007+00:00",
    ]
