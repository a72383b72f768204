"""Planted secrets, in every form and over every chunk border."""

import base64
import json
import random
import time
from urllib.parse import quote, quote_plus

import pytest

from labrunner.record.redaction import MARK, SHORTEST, Redactor

PASSWORD = 'k9+W/x&q Z=<7>"e'
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl_X-9"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+IBAAK/CAQEA\nq1w2e3r4==\n-----END RSA PRIVATE KEY-----\n"


def redactor(*values: str) -> Redactor:
    made = Redactor()
    for value in values:
        made.add(value)
    return made


def streamed(made: Redactor, chunks: list[str]) -> str:
    stream = made.stream()
    return "".join(stream.feed(chunk) for chunk in chunks) + stream.finish()


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = {
    "raw": PASSWORD,
    "json": json.dumps(PASSWORD)[1:-1],
    "json with escaped slashes": json.dumps(PASSWORD)[1:-1].replace("/", "\\/"),
    "json by Go": json.dumps(PASSWORD)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"),
    "url": quote(PASSWORD, safe=""),
    "url path": quote(PASSWORD),
    "url, lower case": quote(PASSWORD, safe="")
    .replace("%2B", "%2b")
    .replace("%2F", "%2f")
    .replace("%3D", "%3d")
    .replace("%3C", "%3c")
    .replace("%3E", "%3e"),
    "form": quote_plus(PASSWORD),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_value_is_hidden_in_every_writing(form: str) -> None:
    assert redactor(PASSWORD).redact(f"before {form} after") == f"before {MARK} after"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "user", "00000000-0000-0000-0000-000000000000"])
@pytest.mark.parametrize("tail", ["", "\n", ":x", "more"])
@pytest.mark.parametrize("safe", [False, True])
def test_a_value_is_hidden_inside_a_longer_base64(user: str, tail: str, safe: bool) -> None:
    secret = "Qz8?>~pass\xffword"
    text = in_base64(f"{user}:{secret}{tail}")
    if safe:
        text = text.replace("+", "-").replace("/", "_")
    shown = redactor(secret).redact(f"auth {text} end")
    assert MARK in shown
    left = shown.removeprefix("auth ").removesuffix(" end").split(MARK)
    assert len(left) == 2
    # what is left decides at most the neighbours and a part of one character of the secret
    assert len(left[0]) <= len(in_base64(f"{user}:")) + 1
    assert len(left[1]) <= len(in_base64(tail)) + 4


SHAPED = [
    (f"token {JWT}", f"token {MARK}"),
    (f"token={JWT};x", f"token={MARK};x"),
    (f"a\\n{JWT}", f"a\\n{MARK}"),
    (f"next%3D{JWT}&x", f"next%3D{MARK}&x"),
    ('{"auth": "dXNlcjpwYXNz"}', f'{{"auth": "{MARK}"}}'),
    ('{"auth":"dXNlcjpwYXNz","x":1}', f'{{"auth":"{MARK}","x":1}}'),
    ('"identitytoken": "abc.def"', f'"identitytoken": "{MARK}"'),
    ('"password": "a\\"b", "c": "d"', f'"password": "{MARK}", "c": "d"'),
    ('{"name": "password",\n      "value": "Xy9"}', f'{{"name": "password",\n      "value": "{MARK}"}}'),
    ('{"name": "password2", "value": "Xy9"}', f'{{"name": "password2", "value": "{MARK}"}}'),
    ("Authorization: Bearer abcdefgh.ijklmnop-1", f"Authorization: Bearer {MARK}"),
    ("Authorization: Basic dXNlcg==", f"Authorization: Basic {MARK}"),
    ("docker login r.azurecr.io -u me -p s3cr", f"docker login r.azurecr.io -u me -p {MARK}"),
    ("docker login -p 'a b' r", f"docker login -p '{MARK}' r"),
    ('docker login -p "a b" r', f'docker login -p "{MARK}" r'),
    ("docker login --password s3cr r", f"docker login --password {MARK} r"),
    ("docker login --password='a b' r", f"docker login --password='{MARK}' r"),
    ("az login --client-secret s3cr", f"az login --client-secret {MARK}"),
    (KEY, f"-----BEGIN RSA PRIVATE KEY-----{MARK}-----END RSA PRIVATE KEY-----\n"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEow", f"-----BEGIN PRIVATE KEY-----{MARK}"),
    ("Server=db;User=sa;Password=Pass123!;X=1", f"Server=db;User=sa;Password={MARK};X=1"),
    ("AccountKey=abc/def==;E=1", f"AccountKey={MARK};E=1"),
    ("AZURE_CLIENT_SECRET=ab~c", f"AZURE_CLIENT_SECRET={MARK}"),
    ("PASSWORD='a b' x", f"PASSWORD='{MARK}' x"),
    ("grant_type=x&client_secret=ab~c&y=1", f"grant_type=x&client_secret={MARK}&y=1"),
]


@pytest.mark.parametrize(("text", "shown"), SHAPED)
def test_known_shapes_are_hidden(text: str, shown: str) -> None:
    assert redactor().redact(text) == shown


PLAIN = [
    "docker login $ACR_NAME.azurecr.io --username $ACR_USERNAME --password $ACR_PASSWORD",
    'docker login -p "$ACR_PASSWORD" r',
    'ACR_PASSWORD=$(az acr credential show --name $ACR_NAME --query "passwords[0].value" --output tsv)',
    "docker login -u x --password-stdin r",
    "docker run -d -p 8080:8080 mywebapi",
    "docker login r && docker run -p 8080:80 x",
    "Password=${DB_PASSWORD};",
    'Www-Authenticate: Bearer realm="https://r.azurecr.io/oauth2/token",service="r"',
    "WARNING! Your password will be stored unencrypted in /root/.docker/config.json.",
    "Login Succeeded",
    '"auth": ""',
    "keyJournalPolicyOfTheAccount",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "1.0.0: digest: sha256:" + "ab" * 32 + " size: 1576",
    "the \\ end\\",
]


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    made = redactor("quite another")
    assert made.redact(text) == text
    assert streamed(made, list(text)) == text


BORDERS = [
    f"x {PASSWORD} y",
    f"x {quote(PASSWORD, safe='')} {json.dumps(PASSWORD)} y",
    in_base64(f"user:{PASSWORD}tail"),
    f"{PASSWORD}{PASSWORD} k9+W {PASSWORD[:-1]}",
    "aabaabaac aabaabaab aabaabaacaab",
    f'Bearer "auth": "{JWT}" --password "auth": "abc" {PASSWORD}',
    'Bearer aaaaaaaaaaaaaaaa.Bearer bbbbbbbbbbbbbbbbbbbb "',
    "password=password=aabaabaac;x password=",
    '"password": "ab\\\\" "password": "ab\\"aabaabaac"',
    '"password": "ab\\',
    '"password":  "$ABC" "password": "$ABc" "password": "${x}" Password=$A;',
    'docker login -p=\'aabaabaac x\' -p"q\\" q" -pabc\n-p abc',
    f"{KEY}{KEY}-----BEGIN PRIVATE KEY-----a-----E-----EN-----END",
    "e ey eyJ eyJab eyJabcdefghi eyJabcdefghij",
    "Authorization:  Basic  abcd Bearer   abcdefghijklmnop",
    *(text for text, _ in SHAPED),
    *PLAIN,
]


@pytest.mark.parametrize("text", BORDERS)
def test_every_border_gives_what_the_whole_text_gives(text: str) -> None:
    made = redactor(PASSWORD, "aabaabaac")
    whole = made.redact(text)
    assert PASSWORD not in whole
    assert "aabaabaac" not in whole
    assert streamed(made, list(text)) == whole
    for border in range(len(text) + 1):
        assert streamed(made, [text[:border], text[border:]]) == whole, border


@pytest.mark.parametrize("seed", range(60))
def test_random_texts_of_secrets_and_near_secrets_cut_at_random(seed: int) -> None:
    choose = random.Random(seed)
    parts = [text for text in BORDERS if len(text) < 60] + [
        " ",
        "\n",
        '"',
        "'",
        "\\",
        "eyJ",
        "-p",
        "Password=",
        "login",
        "$A",
    ]
    made = redactor(PASSWORD, "aabaabaac", "Bearer")
    for _ in range(20):
        text = "".join(choose.choice(parts)[: choose.randint(1, 40)] for _ in range(choose.randint(1, 9)))
        cuts = sorted(choose.randint(0, len(text)) for _ in range(choose.randint(0, 6)))
        chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        whole = made.redact(text)
        assert streamed(made, chunks) == whole
        assert "aabaabaac" not in whole


def test_a_stream_holds_back_no_more_than_it_must() -> None:
    stream = redactor("hunter22").stream()
    assert stream.feed("Continue? [y/N] ") == "Continue? [y/N] "
    assert stream.feed("a hunt") == "a "
    assert stream.feed("s") == "hunts"
    assert stream.feed('"auth": "') == '"auth": "'
    assert stream.feed("abc") == MARK
    assert stream.feed("def") == ""
    assert stream.feed('"') == '"'
    assert stream.finish() == ""


def test_a_stream_never_holds_more_than_the_longest_form() -> None:
    made = redactor("hunter22" * 4)
    stream = made.stream()
    longest = max(len(form) for form in made.forms)
    shown = ""
    text = (("hunter22" * 4)[:-1] + "!") * 5
    for fed, mark in enumerate(text, 1):
        shown += stream.feed(mark)
        assert 0 <= fed - len(shown) < longest
    assert shown + stream.finish() == text


def test_values_may_be_added_while_a_stream_runs() -> None:
    made = redactor()
    stream = made.stream()
    assert stream.feed("hunter22 ") == "hunter22 "
    made.add("hunter22")
    assert stream.feed("hunter22 ") + stream.finish() == f"{MARK} "


def test_short_values_are_ignored() -> None:
    text = "no yes 123 abcd"
    made = redactor("", "no", "123", "\n", "   \n", "a\nb")
    assert made.redact(text) == text
    assert made.forms == ()
    made.add("x" * SHORTEST)
    assert made.redact("xxxx") == MARK


def test_a_value_of_several_lines_is_hidden_as_a_terminal_shows_it() -> None:
    made = redactor("first line\nsecond line\n")
    assert made.redact("a first line\r\nsecond line b") == f"a {MARK} b"
    assert made.redact("only second line here") == f"only {MARK} here"


def test_texts_of_the_course_lose_values_alone() -> None:
    made = redactor("hunter22")
    text = 'docker run -e X="Server=db;Password=Pass123!" mywebapi'
    assert made.redact_values(text) == text
    assert made.redact_values(f"{text} hunter22") == f"{text} {MARK}"


def test_overlapping_values_leave_one_mark() -> None:
    assert redactor("abcdef", "defghi").redact("xabcdefghiy") == f"x{MARK}y"


def test_time_is_linear() -> None:
    made = redactor("an unlikely value")

    def seconds(text: str) -> float:
        begin = time.process_time()
        made.redact(text)
        return time.process_time() - begin

    for dense in ("password=", "eyJ", 'Bearer "auth": "', "-----BEGIN PRIVATE KEY-----", "login -p "):
        limit = 30 * min(seconds(dense * 1000) for _ in range(3)) + 0.1
        assert any(seconds(dense * 8000) < limit for _ in range(3))


def token(number: int) -> str:
    """Tokens of one issuer begin alike."""
    body = base64.urlsafe_b64encode(json.dumps({"n": number, "x": "y" * 600}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{body}.{random.Random(number).randbytes(24).hex()}"


def test_a_source_is_asked_before_each_text() -> None:
    issued: list[str] = []

    def new() -> list[str]:
        found = issued[:]
        issued.clear()
        return found

    made = Redactor(source=new)
    assert made.redact("opaque-value") == "opaque-value"
    issued.append("opaque-value")
    assert made.redact("an opaque-value.") == f"an {MARK}."
    issued.append("second-value")
    assert made.redact_values("second-value") == MARK
    stream = made.stream()
    assert stream.feed("third-") == "third-"
    issued.append("fourth-value")
    assert stream.feed("value fourth-val") == "value "
    assert stream.feed("ue opaque-value") == f"{MARK} {MARK}"
    issued.append("fifth-value")
    assert stream.feed(" fifth-value") == f" {MARK}"
    assert stream.finish() == ""


def test_one_of_hundreds_that_begin_alike_is_found_in_every_writing_and_over_every_border() -> None:
    made = redactor(*map(token, range(300)), "1.opaque", "2.opaque")
    secret = token(217)
    almost = token(1000)
    assert made.redact_values(f"a {secret} b") == f"a {MARK} b"
    assert made.redact_values(f"a {almost} b") == f"a {almost} b"
    hidden = in_base64(f"user:{secret}")
    assert secret[60:90] not in base64.b64decode(made.redact(hidden).split(MARK)[0] + "==").decode()
    assert len(made.redact(hidden)) < 40
    for cut in (1, 5, 7, 8, 9, 40, len(secret) - 1):
        assert streamed(made, ["a ", secret[:cut], secret[cut:], " b"]) == f"a {MARK} b"
    assert streamed(made, list(f"1.opaqu {secret}2.opaque")) == f"1.opaqu {MARK}"


def test_hundreds_of_tokens_cost_little() -> None:
    """Three hundred that begin alike cost what a few do, in texts that hold none and in texts that hold some."""
    few, many = redactor(*map(token, range(3))), redactor(*map(token, range(300)))

    def seconds(made: Redactor, text: str) -> float:
        best = 9.0
        for _ in range(5):
            begin = time.process_time()
            made.redact_values(text)
            best = min(best, time.process_time() - begin)
        return best

    for text in ("a usual line of output\n" * 20_000, f"{token(2)} and more\n" * 200):
        assert seconds(many, text) < 12 * seconds(few, text) + 0.01


def test_dockers_warning_can_be_read():
    text = "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n"
    assert Redactor().redact(text) == text
    assert Redactor().redact("docker login --password via reg\n") == f"docker login --password {MARK} reg\n"
