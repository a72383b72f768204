"""The commands about images: `notation sign`, `list`, `inspect` and `verify`."""

from collections.abc import Iterator, Sequence
from itertools import islice

from labrunner.notation.descriptors import Descriptor
from labrunner.notation.desk import Command, Desk, one_argument
from labrunner.notation.display import Signature, listing, signatures_json, signatures_text, table
from labrunner.notation.envelopes import JWS, EnvelopeError, read, sign
from labrunner.notation.flags import Flag, Values
from labrunner.notation.policies import Policy, policy_for
from labrunner.notation.problem import NotationError
from labrunner.notation.references import Reference, read_reference
from labrunner.notation.repositories import Repository
from labrunner.notation.transport import Transport, credentials_of
from labrunner.notation.verification import Outcome, evaluate

__all__ = ["COMMANDS"]

_RESERVED = "io.cncf.notary"
_ACCESS = (
    Flag("insecure-registry", "speak HTTP to the registry; for tests only", "bool"),
    Flag("password", "password for the registry (else $NOTATION_PASSWORD)", short="p"),
    Flag("username", "user name for the registry (else $NOTATION_USERNAME)", short="u"),
)
_MOST = Flag("max-signatures", "how many signatures to look at, at most", "int", default=100)


def _repository(desk: Desk, values: Values, reference: Reference) -> Repository:
    own = credentials_of(reference.registry, desk.env, user=values.text("username"), password=values.text("password"))
    plain = values.is_set("insecure-registry")
    return Repository(Transport(reference.registry, own, desk.env, agent=desk.agent, plain=plain), reference.repository)


def _found(desk: Desk, values: Values, verb: str) -> tuple[Repository, Reference, Descriptor]:
    """The repository, the image's name by digest, and the image that a command is about."""
    text = one_argument(
        values, f"missing reference to the artifact: use `notation {verb} --help` to see what parameters are required"
    )
    reference = read_reference(text)
    repository = _repository(desk, values, reference)
    image = repository.resolve(reference)
    if not reference.is_digest:
        why = (
            "tags are mutable and a tag reference can point to a different artifact than the one signed"
            if verb == "sign"
            else "resolved digest may not point to the same signed artifact, as tags are mutable"
        )
        desk.warn(
            f"Always {verb} the artifact using digest(@sha256:...) rather than a tag(:{reference.name}) because {why}."
        )
    return repository, Reference(reference.registry, reference.repository, image.digest), image


def _some(repository: Repository, image: Descriptor, values: Values) -> Iterator[Descriptor]:
    most = values.number("max-signatures")
    if most <= 0:
        raise NotationError(f"max-signatures value {most} must be a positive number")
    return islice(repository.signatures(image), most)


def _sign(desk: Desk, values: Values) -> None:
    if values.text("signature-format") != "jws":
        raise NotationError("labrunner's stand-in for notation signs with jws envelopes only")
    key, chain = desk.settings.signing_key(values.text("key")).load()
    said = values.pairs("user-metadata")
    for name in said:
        if name.startswith(_RESERVED):
            raise NotationError(f"metadata must not have a name that begins with {_RESERVED}: {name}")
    lasts = values.time("expiry")
    if lasts is not None and (lasts.microseconds or not lasts):
        raise NotationError("the expiry must be in whole seconds, and more than none")
    repository, reference, image = _found(desk, values, "sign")
    target = Descriptor(image.media_type, image.digest, image.size, said)
    try:
        envelope = sign(target, key, chain, now=desk.now(), agent=desk.agent, lasts=lasts)
    except EnvelopeError as error:
        raise NotationError(str(error)) from error
    repository.attach(image, envelope, by_tag=values.is_set("force-referrers-tag"))
    desk.say(f"Successfully signed {reference}")


def _list(desk: Desk, values: Values) -> None:
    repository, reference, image = _found(desk, values, "list")
    desk.say(listing(str(reference), list(_some(repository, image, values))))


def _inspect(desk: Desk, values: Values) -> None:
    output = values.text("output")
    if output not in ("text", "json"):
        raise NotationError(f"unrecognized output format {output}")
    repository, reference, image = _found(desk, values, "inspect")
    found, skipped = [], False
    for manifest in _some(repository, image, values):
        try:
            media_type, raw = repository.envelope(manifest)
            if media_type != JWS:
                raise EnvelopeError(f"{media_type} envelopes are not read here")  # noqa: TRY301 - told as the others are
            found.append(Signature(manifest.digest, media_type, read(raw)))
        except (NotationError, EnvelopeError) as error:
            desk.warn(f"Skipping signature {manifest.digest} because of error: {error}")
            skipped = True
    is_json = output == "json"
    desk.say(signatures_json(image.media_type, found) if is_json else signatures_text(str(reference), found))
    if skipped:
        raise NotationError("at least one signature was skipped and not displayed")


def _verify(desk: Desk, values: Values) -> None:
    policies = desk.settings.policies()
    repository, reference, image = _found(desk, values, "verify")
    policy = policy_for(policies, reference.path)
    if policy is None:
        raise NotationError(
            f'signature verification failed: artifact "{reference}" has no applicable trust policy. Trust policy '
            "applicability for a given artifact is determined by registryScopes"
        )
    if policy.skips:
        desk.say(f"Trust policy is configured to skip signature verification for {reference}")
        return
    outcomes = _outcomes(desk, values, policy, repository, image)
    if not outcomes:
        raise NotationError(
            f'signature verification failed: no signature is associated with "{reference}", '
            "make sure the artifact was signed successfully"
        )
    digest, good = outcomes[-1]
    if good.refused:
        for digest, outcome in outcomes:  # notation tells this with --debug only
            desk.warn(f"signature {digest} does not count: {outcome.refused}")
        raise NotationError(f"signature verification failed for all the signatures associated with {reference}")
    for check, wrong in good.logged:
        desk.warn(f'{check} was set to "log" and failed with error: {wrong}')
    desk.say(f"Successfully verified signature for {reference}")
    said = good.envelope.target.annotations if good.envelope else {}
    if said:
        desk.say("\nThe artifact was signed with the following user metadata.\n")
        desk.say(table([("KEY", "VALUE"), *sorted(said.items())]))


def _outcomes(
    desk: Desk, values: Values, policy: Policy, repository: Repository, image: Descriptor
) -> Sequence[tuple[str, Outcome]]:
    """Of each signature until one is good, which is the last one then."""
    metadata = values.pairs("user-metadata")
    found = []
    for manifest in _some(repository, image, values):
        media_type, raw = repository.envelope(manifest)
        outcome = evaluate(raw, media_type, image, policy, desk.settings.trusted, now=desk.now(), metadata=metadata)
        found.append((manifest.digest, outcome))
        if not outcome.refused:
            break
    return found


COMMANDS = (
    Command(
        name="sign",
        says="Sign artifacts",
        usage="[flags] <reference>",
        run=_sign,
        flags=(
            Flag("expiry", "until when the signature may be used, such as 12h, 30m or 3h20m", "duration", short="e"),
            Flag("force-referrers-tag", "list the signature under a tag, too", "bool", default=True),
            Flag("key", "name of the signing key (else the default one)", short="k"),
            Flag("signature-format", 'envelope of the signature: "jws"', default="jws"),
            Flag(
                "user-metadata", "KEY=VALUE to say of the artifact, signed; may be repeated", "stringArray", short="m"
            ),
            *_ACCESS,
        ),
    ),
    Command(
        name="list",
        aliases=("ls",),
        says="List signatures of the signed artifact",
        usage="[flags] <reference>",
        run=_list,
        flags=(_MOST, *_ACCESS),
    ),
    Command(
        name="inspect",
        says="Inspect all signatures associated with the signed artifact",
        usage="[flags] <reference>",
        run=_inspect,
        flags=(_MOST, Flag("output", "'json' or 'text'", short="o", default="text"), *_ACCESS),
    ),
    Command(
        name="verify",
        says="Verify OCI artifacts",
        usage="[flags] <reference>",
        run=_verify,
        flags=(
            _MOST,
            Flag("user-metadata", "KEY=VALUE that must be signed, too; may be repeated", "stringArray", short="m"),
            *_ACCESS,
        ),
    ),
)
