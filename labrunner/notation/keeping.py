"""The commands about what a user keeps: `notation key`, `certificate` and `policy`."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from labrunner.notation.certificates import trial_certificate
from labrunner.notation.desk import Command, Desk, one_argument
from labrunner.notation.display import details, table
from labrunner.notation.flags import Flag, Values
from labrunner.notation.policies import STORE_TYPES, PolicyError, is_store_name, read_policies
from labrunner.notation.problem import NotationError
from labrunner.notation.settings import Key, Settings

__all__ = ["CERTIFICATE", "KEY", "POLICY"]

_STORE = (
    Flag("store", "name of the trust store", short="s"),
    Flag("type", f"type of the trust store: {', '.join(STORE_TYPES)}", short="t"),
)
_FORM = "needs to follow [a-zA-Z0-9_.-]+ format"


# Certificates


def _generate(desk: Desk, values: Values) -> None:
    name = one_argument(values, "missing certificate common_name")
    if not is_store_name(name):
        raise NotationError(f"name {_FORM}")
    bits, settings = values.number("bits"), desk.settings
    desk.say(f"generating RSA Key with {bits} bits")
    if bits not in (2048, 3072, 4096):
        raise NotationError("the Notary Project has signature algorithms for RSA with 2048, 3072 and 4096 bits only")
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    certificate = trial_certificate(name, key, now=desk.now().replace(microsecond=0))
    pem = certificate.public_bytes(Encoding.PEM)
    desk.say(f"generated certificate expiring on {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}")
    key_file, certificate_file = settings.local_key(name)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        settings.write(key_file, secret, mode=0o600, new=True)
    except NotationError as error:
        raise NotationError(f"failed to write key file: {error}") from error
    desk.say(f"wrote key: {key_file}")
    settings.write(certificate_file, pem, mode=0o644)
    desk.say(f"wrote certificate: {certificate_file}")
    settings.add_key(Key(name, str(key_file), str(certificate_file)), default=values.is_set("default"))
    _trust(settings, certificate_file, "ca", name)
    desk.say(f"Successfully added {certificate_file.name} to named store {name} of type ca")
    desk.say(f"{name}: added to the key list")
    if values.is_set("default"):
        desk.say(f"{name}: mark as default signing key")


def _trust(settings: Settings, path: Path, kind: str, store: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotationError(f"open {path}: {str(error.strerror).lower()}") from error
    settings.trusted_file(path)
    wanted = settings.store(kind, store) / path.name
    if wanted.exists():
        raise NotationError("certificate already exists in the Trust Store")
    settings.write(wanted, content, mode=0o600, new=True)


def _add(desk: Desk, values: Values) -> None:
    kind, store = _named(values)
    one_argument(values, "missing certificate path")
    added, failed = [], []
    for text in values.arguments:
        try:
            _trust(desk.settings, Path(text), kind, store)
            added.append(text)
        except NotationError as error:
            failed.append(f'{text}, with error "{error}"')
    if added:
        desk.say(
            "\n".join([f"Successfully added following certificates to named store {store} of type {kind}:", *added])
        )
    if failed:
        raise NotationError(
            "\n".join([f"Failed to add following certificates to named store {store} of type {kind}:", *failed, ""])
        )


def _certificates(desk: Desk, values: Values) -> None:
    kind, store = values.text("type"), values.text("store")
    rows = [
        (own, name, path.name)
        for own, name, path in desk.settings.stored()
        if kind in ("", own) and store in ("", name)
    ]
    if rows:
        desk.say(table([("STORE TYPE", "STORE NAME", "CERTIFICATE"), *rows]))


def _show(desk: Desk, values: Values) -> None:
    kind, store = _named(values)
    desk.say(details(desk.settings.trusted_file(desk.settings.store(kind, store) / _file(values))))


def _delete(desk: Desk, values: Values) -> None:
    kind, store = _named(values)
    folder, everything = desk.settings.store(kind, store), values.is_set("all")
    what = f'all certificates in "{store}"' if everything else f'"{_file(values)}" in "{store}"'
    if not values.is_set("yes") and not desk.confirms(f'Are you sure you want to delete {what} of type "{kind}"?'):
        return
    try:
        files = sorted(folder.iterdir()) if everything else [folder / _file(values)]
        for path in files:
            path.unlink()
        if everything:
            folder.rmdir()
    except OSError as error:
        raise NotationError(f"{error.filename} cannot be deleted: {error.strerror}") from error
    desk.say(f"Successfully deleted {folder if everything else files[0].name}")


def _named(values: Values) -> tuple[str, str]:
    """Type and name of a trust store."""
    kind, store = values.text("type"), values.text("store")
    missing = [f'"{name}"' for name, value in (("store", store), ("type", kind)) if not value]
    if missing:
        raise NotationError(f"required flag(s) {', '.join(missing)} not set")
    if kind not in STORE_TYPES:
        raise NotationError(f"unsupported store type: {kind}")
    if not is_store_name(store):
        raise NotationError(f"named store name {_FORM}")
    return kind, store


def _file(values: Values) -> str:
    name = one_argument(values, "missing certificate fileName")
    if not is_store_name(name):
        raise NotationError(f"certificate file name {_FORM}")
    return name


# Keys


def _keys(desk: Desk, _values: Values) -> None:
    default, keys = desk.settings.keys()
    rows = [
        (f"* {each.name}" if each.name == default else each.name, each.key, each.certificate, "", "") for each in keys
    ]
    desk.say(table([("NAME", "KEY PATH", "CERTIFICATE PATH", "ID", "PLUGIN NAME"), *rows]))


def _choose(desk: Desk, values: Values) -> None:
    name = one_argument(values, "missing key name")
    if not values.is_set("default"):
        desk.warn("--default flag is not set, command did not take effect")
        return
    desk.settings.choose_key(name)
    desk.say(f"{name}: marked as default")


def _forget(desk: Desk, values: Values) -> None:
    one_argument(values, "missing key names")
    default = desk.settings.remove_keys(values.arguments)
    if len(values.arguments) == 1:
        name = values.arguments[0]
        which = f"default key {name}" if name == default else name
        desk.say(f"Removed {which} from Notation signing key list. The source key still exists.")
        return
    desk.say("Removed the following keys from Notation signing key list. The source keys still exist.")
    for name in values.arguments:
        desk.say(f"{name} (default)" if name == default else name)


# The trust policy


def _import(desk: Desk, values: Values) -> None:
    if len(values.arguments) != 1:
        raise NotationError(
            f"requires 1 argument but received {len(values.arguments)}.\nUsage: notation policy import "
            "<path-to-policy.json>\nPlease specify a trust policy file location as the argument"
        )
    path = values.arguments[0]
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise NotationError(f"failed to read trust policy file: open {path}: {str(error.strerror).lower()}") from error
    try:
        read_policies(raw)
    except PolicyError as error:
        raise NotationError(f"failed to validate trust policy: {error}") from error
    except ValueError as error:
        raise NotationError(f"failed to parse trust policy configuration: {error}") from error
    if values.is_set("force"):
        desk.warn("existing trust policy configuration file will be overwritten")
    elif desk.settings.policy_file() is not None and not desk.confirms(
        "The trust policy file already exists, do you want to overwrite it?"
    ):
        return
    desk.settings.write_policy(raw)
    desk.say("Trust policy configuration imported successfully.")


def _policy(desk: Desk, _values: Values) -> None:
    path = desk.settings.policy_file()
    if path is None:
        raise NotationError(
            "failed to show trust policy as the trust policy file does not exist.\n"
            "You can import one using `notation policy import <path-to-policy.json>`"
        )
    try:
        raw = path.read_bytes()
        desk.out.write(raw.decode("utf-8", errors="replace"))
        read_policies(raw)
    except OSError as error:
        raise NotationError(f"failed to show trust policy: {path}: {error.strerror}") from error
    except ValueError as error:
        raise NotationError(f"the trust policy is invalid: {error}") from error


CERTIFICATE = (
    Command(
        name="add",
        says="Add certificates to the trust store.",
        usage="--type <type> --store <name> <cert_path>...",
        run=_add,
        flags=_STORE,
    ),
    Command(
        name="delete",
        says="Delete certificates from the trust store.",
        usage="--type <type> --store <name> [flags] (--all | <cert_fileName>)",
        run=_delete,
        flags=(
            *_STORE,
            Flag("all", "every certificate of the store", "bool", short="a"),
            Flag("yes", "do not ask first", "bool", short="y"),
        ),
    ),
    Command(
        name="generate-test",
        says="Generate a test RSA key and a corresponding self-signed certificate.",
        usage="[flags] <common_name>",
        run=_generate,
        flags=(
            Flag("bits", "bits of the RSA key", "int", short="b", default=2048),
            Flag("default", "make it the default signing key", "bool"),
        ),
    ),
    Command(
        name="list", aliases=("ls",), says="List certificates in the trust store.", run=_certificates, flags=_STORE
    ),
    Command(
        name="show",
        says="Show the certificates of one file of a trust store.",
        usage="--type <type> --store <name> <cert_fileName>",
        run=_show,
        flags=_STORE,
    ),
)
KEY = (
    Command(name="delete", says="Remove key from Notation signing key list", usage="<key_name>...", run=_forget),
    Command(name="list", aliases=("ls",), says="List keys used for signing", run=_keys),
    Command(
        name="update",
        aliases=("set",),
        says="Update key in Notation signing key list",
        usage="[flags] <key_name>",
        run=_choose,
        flags=(Flag("default", "make it the default signing key", "bool"),),
    ),
)
POLICY = (
    Command(
        name="import",
        says="Import trust policy configuration from a JSON file",
        usage="[flags] <file_path>",
        run=_import,
        flags=(Flag("force", "replace the trust policy that there is, without asking", "bool"),),
    ),
    Command(name="show", says="Show trust policy configuration", run=_policy),
)
