"""Which changes of a HOME count as changes."""

import base64
import json

from labrunner.record.ledger import Entry
from labrunner.targets.files import file_entries


def config(home, auths, **more):
    folder = home / ".docker"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": auths, **more}))
    (entry,) = file_entries(str(home), "~", home=True)
    assert (entry.kind, entry.name) == ("file", "~/.docker/config.json")
    return entry.id


def entry(user, secret, **more):
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode(), **more}


def test_a_login_is_told_by_who_is_logged_in_where_and_not_by_its_token(tmp_path):
    first = config(tmp_path, {"reg.azurecr.io": entry("someone", "one", identitytoken="a")})
    assert config(tmp_path, {"reg.azurecr.io": entry("someone", "two", identitytoken="b")}) == first
    assert config(tmp_path, {"reg.azurecr.io": entry("another", "one")}) != first
    assert config(tmp_path, {"other.azurecr.io": entry("someone", "one")}) != first
    assert config(tmp_path, {}) != first
    assert config(tmp_path, {"reg.azurecr.io": entry("someone", "one")}, credsStore="pass") != first


def test_a_configuration_that_cannot_be_read_is_told_by_its_bytes(tmp_path):
    folder = tmp_path / ".docker"
    folder.mkdir()
    seen = set()
    for text in ("", "{", "[]", '{"auths": []}', '{"auths": {"a": {"auth": "é"}}}'):
        (folder / "config.json").write_text(text)
        (found,) = file_entries(str(tmp_path), "~", home=True)
        seen.add(found)
    assert len(seen) == 5
    assert all(isinstance(found, Entry) for found in seen)
