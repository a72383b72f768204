"""The pages that a person sees, pressed by hand and by a browser that az starts."""

import base64
import hashlib
import re
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.emulator.running import Answer, Az, Emulator
from tests.emulator.signing import ARM, AZ, DEVICE, LOGIN, claims, device, token

VERIFIER = "v" * 60
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REDIRECT = "http://localhost:8765"
ASKED = {
    "client_id": AZ,
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": f"{ARM} openid offline_access",
    "state": "st&ate",
    "nonce": "once",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def page(emulator: Emulator, **other: str) -> Answer:
    asked = {name: value for name, value in {**ASKED, **other}.items() if value}
    found = emulator.ask("GET", f"{LOGIN}/organizations/oauth2/v2.0/authorize?{urlencode(asked)}")
    stands_in(found)
    return found


def stands_in(found: Answer) -> None:
    """No page may look like Microsoft's, or take a password."""
    if found.status == 302:
        return
    assert "This is a local stand-in, not Microsoft." in found.text
    assert 'type="password"' not in found.text
    assert found.headers["Cache-Control"] == "no-store"


def form(found: Answer) -> tuple[str, list[tuple[str, str]]]:
    """Where the page's form goes, and what it holds."""
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', found.text)
    fields = re.findall(r'name="([^"]+)" value="([^"]*)"', found.text)
    return unescape(action), [(name, unescape(value)) for name, value in fields]


def press(emulator: Emulator, found: Answer) -> Answer:
    action, fields = form(found)
    answer = emulator.ask("POST", action, body=fields)
    stands_in(answer)
    return answer


def redeem(emulator: Emulator, code: str, **other: str) -> Answer:
    words = {"client_id": AZ, "redirect_uri": REDIRECT, "code_verifier": VERIFIER, "code": code, **other}
    return token(emulator, tenant="organizations", grant_type="authorization_code", **words)


def test_one_button_and_the_code_comes_back_in_the_query(emulator: Emulator):
    found = page(emulator)
    assert found.text.count("<button") == 1
    assert "Continue as Lab Student" in found.text
    assert "Microsoft Azure CLI" in found.text
    back = press(emulator, found)
    assert back.status == 302
    said = parse_qs(urlsplit(back.headers["Location"]).query)
    assert said["state"] == ["st&ate"]
    answer = redeem(emulator, said["code"][0]).json
    assert claims(answer["id_token"])["nonce"] == "once"
    assert claims(answer["access_token"])["aud"] == "https://management.core.windows.net/"
    assert redeem(emulator, said["code"][0]).json["error"] == "invalid_grant"
    assert press(emulator, found).status == 400  # the button works once


def test_the_code_comes_back_by_a_form(emulator: Emulator):
    back = press(emulator, page(emulator, response_mode="form_post"))
    action, fields = form(back)
    assert (back.status, action) == (200, REDIRECT)
    assert dict(fields)["state"] == "st&ate"
    assert redeem(emulator, dict(fields)["code"]).status == 200


def test_the_code_comes_back_in_the_fragment(emulator: Emulator):
    back = press(emulator, page(emulator, response_mode="fragment"))
    assert "code" in parse_qs(urlsplit(back.headers["Location"]).fragment)


@pytest.mark.parametrize(
    ("other", "number"),
    [({"code_verifier": "w" * 60}, 501481), ({"redirect_uri": "http://localhost:1"}, 70000), ({"code": "x"}, 70000)],
)
def test_a_code_is_for_whoever_asked_for_it(emulator: Emulator, other: dict[str, str], number: int):
    said = parse_qs(urlsplit(press(emulator, page(emulator)).headers["Location"]).query)
    answer = redeem(emulator, **{"code": said["code"][0], **other})
    assert (answer.status, answer.json["error"], answer.json["error_codes"]) == (400, "invalid_grant", [number])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"redirect_uri": "https://evil.example.com/"}, "AADSTS50011"),
        ({"redirect_uri": "http://localhost.evil.example.com/"}, "AADSTS50011"),
        ({"redirect_uri": "http://localhost:1@evil.example.com/"}, "AADSTS50011"),
        ({"redirect_uri": "javascript:alert(1)"}, "AADSTS50011"),
        ({"redirect_uri": "http://[::1"}, "AADSTS50011"),
        ({"redirect_uri": "http://localhost:1/\r\nSet-Cookie: a=b"}, "AADSTS50011"),
        ({"redirect_uri": "http://localhost:1/\u00e9"}, "AADSTS50011"),
        ({"redirect_uri": ""}, "AADSTS50011"),
        ({"client_id": "11111111-2222-3333-4444-555555555555"}, "AADSTS700016"),
        ({"client_id": "<script>alert(1)</script>"}, "&lt;script&gt;"),
        ({"client_id": ""}, "AADSTS900144"),
        ({"scope": "https://vault.azure.net/.default"}, "AADSTS500011"),
        ({"response_mode": "web_message"}, "AADSTS9002313"),
        ({"code_challenge_method": "S512"}, "AADSTS9002313"),
    ],
)
def test_what_goes_back_nowhere(emulator: Emulator, other: dict[str, str], words: str):
    found = page(emulator, **other)
    assert found.status == 400
    assert words in found.text
    assert "<form" not in found.text
    assert "<script>" not in found.text


@pytest.mark.parametrize(
    ("other", "error"),
    [({"response_type": "token"}, "unsupported_response_type"), ({"prompt": "none"}, "login_required")],
)
def test_what_goes_back_as_an_error(emulator: Emulator, other: dict[str, str], error: str):
    found = page(emulator, **other)
    said = parse_qs(urlsplit(found.headers["Location"]).query)
    assert (found.status, said["error"], said["state"]) == (302, [error], ["st&ate"])


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize("state", ["%ff", "%ed%a0%80", "%0d%0aX:%20y", "%22%3E%3Cscript%3E", "a" * 4000])
def test_a_state_comes_back_as_text_and_nothing_else(emulator: Emulator, mode: str, state: str):
    asked = urlencode({**ASKED, "response_mode": mode, "state": ""}).replace("state=&", f"state={state}&")
    shown = emulator.ask("GET", f"{LOGIN}/common/oauth2/v2.0/authorize?{asked}")
    back = press(emulator, shown)
    assert back.status == (200 if mode == "form_post" else 302)
    assert "X" not in back.headers
    assert back.text.count("<script") == (mode == "form_post")


def test_a_ticket_that_nobody_drew(emulator: Emulator):
    found = emulator.ask("POST", f"{LOGIN}/labrunner/continue", body=[("ticket", "x")])
    stands_in(found)
    assert found.status == 400


def test_a_devices_code_is_entered_on_the_page(emulator: Emulator):
    begun = device(emulator, ARM)
    shown = emulator.ask("GET", begun["verification_uri"])
    stands_in(shown)
    assert shown.text.count("<button") == 1
    wrong = emulator.ask("POST", begun["verification_uri"], body=[("otc", "<b>NOTACODE")])
    stands_in(wrong)
    assert wrong.status == 400
    assert "That code didn't work." in unescape(wrong.text)
    assert "<b>" not in wrong.text.lower()
    done = emulator.ask("POST", begun["verification_uri"], body=[("otc", f" {begun['user_code'].lower()} ")])
    stands_in(done)
    assert done.status == 200
    assert token(emulator, grant_type=DEVICE, client_id=AZ, device_code=begun["device_code"]).status == 200


BROWSER = """#!{python}
import os, sys
if os.fork():
    os._exit(0)  # az reads the answer only when the browser has returned
sys.path.insert(0, {root!r})
import http.client, pathlib, re
from html import unescape
from urllib.parse import urlencode, urlsplit
from tests.emulator.running import Emulator
bundle = pathlib.Path({bundle!r})
emulator = Emulator(folder=pathlib.Path("/"), process=None, proxy={proxy!r}, bundle=bundle, control=None)
def press(text):
    action = unescape(re.search(r'action="([^"]+)"', text)[1])
    fields = [(n, unescape(v)) for n, v in re.findall(r'name="([^"]+)" value="([^"]*)"', text)]
    return action, fields
action, fields = press(emulator.ask("GET", sys.argv[1]).text)
action, fields = press(emulator.ask("POST", action, body=fields).text)
to = http.client.HTTPConnection(urlsplit(action).netloc, timeout=20)
to.request("POST", urlsplit(action).path or "/", urlencode(fields),
           {{"Content-Type": "application/x-www-form-urlencoded"}})
to.getresponse().read()
"""


def test_az_signs_in_with_a_browser(emulator: Emulator, new_az: Callable[[], Az], tmp_path: Path):
    browser = tmp_path / "browser"
    root = str(Path(__file__).resolve().parents[2])
    text = BROWSER.format(python=sys.executable, root=root, proxy=emulator.proxy, bundle=str(emulator.bundle))
    browser.write_text(text)
    browser.chmod(0o755)
    az = new_az()
    az.extra["BROWSER"] = str(browser)
    ran = az.run("login", "--output", "json", seconds=60)
    assert ran.status == 0, ran.err
    assert ran.json[0]["user"] == {"name": "student@labrunner.onmicrosoft.com", "type": "user"}
    assert "A web browser has been opened" in ran.err
