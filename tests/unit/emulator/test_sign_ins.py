import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.sign_ins import BrowserRequest, SignInProblem, SignIns
from labrunner.emulator.store import Store

STUDENT = Principal(object_id="1", kind="user", name="student")
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REQUEST = BrowserRequest(
    client_id="az", redirect_uri="http://localhost:1", scope="s", challenge=CHALLENGE, method="S256"
)


class Waiting:
    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.store = Store(path)
        self.issued = Issued(self.store, now=self.clock.now)
        self.sign_ins = SignIns(self.issued, self.clock)

    def device_problem(self, code: str, client_id: str = "az") -> str:
        with pytest.raises(SignInProblem) as raised:
            self.sign_ins.redeem_device(code, client_id=client_id)
        return raised.value.kind

    def code(self, request: BrowserRequest = REQUEST) -> str:
        return self.sign_ins.continue_page(self.sign_ins.begin_page(request), STUDENT)[1]

    def code_problem(self, code: str, **other: str) -> str:
        words = {"client_id": "az", "redirect_uri": "http://localhost:1", "verifier": VERIFIER, **other}
        with pytest.raises(SignInProblem) as raised:
            self.sign_ins.redeem_code(code, **words)
        return raised.value.kind


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    made = Waiting(tmp_path / "state.sqlite")
    yield made
    made.store.close()


def test_a_device_waits_until_somebody_approves_and_signs_in_once(waiting: Waiting):
    begun = waiting.sign_ins.begin_device(client_id="az", scope="s")
    assert waiting.sign_ins.pending() == [begun.user_code]
    assert begun.device_code in waiting.issued.all()
    assert waiting.device_problem(begun.device_code) == "pending"
    assert waiting.sign_ins.approve(begun.user_code.lower(), STUDENT)
    assert waiting.sign_ins.pending() == []
    assert waiting.device_problem(begun.device_code, "another") == "client"
    assert waiting.sign_ins.redeem_device(begun.device_code, client_id="az").principal == STUDENT
    assert waiting.device_problem(begun.device_code) == "unknown"


def test_nobody_approves_a_code_twice_or_one_that_is_not_there(waiting: Waiting):
    begun = waiting.sign_ins.begin_device(client_id="az", scope="s")
    assert not waiting.sign_ins.approve("ABCDEFGHJ", STUDENT)
    assert not waiting.sign_ins.approve("", STUDENT)
    assert waiting.sign_ins.approve(begun.user_code, STUDENT)
    assert not waiting.sign_ins.approve(begun.user_code, STUDENT)


def test_a_device_code_runs_out(waiting: Waiting):
    begun = waiting.sign_ins.begin_device(client_id="az", scope="s")
    waiting.clock.offset = 901
    assert waiting.sign_ins.pending() == []
    assert not waiting.sign_ins.approve(begun.user_code, STUDENT)
    assert waiting.device_problem(begun.device_code) == "expired"


def test_an_authorization_code_is_redeemed_once_with_its_proof(waiting: Waiting):
    code = waiting.code()
    assert code in waiting.issued.all()
    request, principal = waiting.sign_ins.redeem_code(
        code, client_id="az", redirect_uri="http://localhost:1", verifier=VERIFIER
    )
    assert (request, principal) == (REQUEST, STUDENT)
    assert waiting.code_problem(code) == "unknown"


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ({"client_id": "another"}, "client"),
        ({"redirect_uri": "http://localhost:2"}, "redirect"),
        ({"verifier": VERIFIER + "x"}, "verifier"),
        ({"verifier": ""}, "verifier"),
        ({"verifier": "\ud800"}, "verifier"),
    ],
)
def test_a_code_that_does_not_fit_is_spent(waiting: Waiting, other: dict[str, str], kind: str):
    code = waiting.code()
    assert waiting.code_problem(code, **other) == kind
    assert waiting.code_problem(code) == "unknown"


def test_a_plain_challenge_and_none_at_all(waiting: Waiting):
    plain = replace(REQUEST, challenge=VERIFIER, method="plain")
    words = {"client_id": "az", "redirect_uri": "http://localhost:1"}
    assert waiting.sign_ins.redeem_code(waiting.code(plain), verifier=VERIFIER, **words)[1] == STUDENT
    bare = replace(REQUEST, challenge="", method="plain")
    assert waiting.sign_ins.redeem_code(waiting.code(bare), verifier="", **words)[1] == STUDENT
    assert waiting.code_problem(waiting.code(bare), verifier="x") == "verifier"


def test_a_code_and_a_page_run_out(waiting: Waiting):
    code, ticket = waiting.code(), waiting.sign_ins.begin_page(REQUEST)
    waiting.clock.offset = 901
    assert waiting.code_problem(code) == "expired"
    with pytest.raises(SignInProblem, match="expired"):
        waiting.sign_ins.continue_page(ticket, STUDENT)
    with pytest.raises(SignInProblem, match="unknown"):
        waiting.sign_ins.continue_page(ticket, STUDENT)


def test_nothing_is_left_of_sign_ins_that_are_forgotten(waiting: Waiting):
    begun, code = waiting.sign_ins.begin_device(client_id="az", scope="s"), waiting.code()
    waiting.sign_ins.forget()
    assert waiting.sign_ins.pending() == []
    assert waiting.device_problem(begun.device_code) == "unknown"
    assert waiting.code_problem(code) == "unknown"


def test_many_that_nobody_comes_for_do_not_pile_up(waiting: Waiting):
    for _ in range(1100):
        waiting.sign_ins.begin_page(REQUEST)
    begun = [waiting.sign_ins.begin_device(client_id="az", scope="s") for _ in range(1002)]
    assert len(waiting.sign_ins.pending()) == 1000
    assert waiting.device_problem(begun[0].device_code) == "unknown"
    assert waiting.device_problem(begun[-1].device_code) == "pending"
