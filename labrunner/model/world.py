"""What a learner finds on a fresh sandbox: images, the work folder, the local Azure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Azure", "AzureRegistry", "AzureWebhook", "Image", "WorkFolder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A stand-in image that the sandbox builds without any pull: `files` of the course on a busybox base.

    files: path in the image -> file of the course. entrypoint, env, ports, volumes, workdir: as in an OCI config.
    """

    names: tuple[str, ...]
    says: str
    files: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    workdir: str = "/"
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFolder:
    """What a fresh work folder holds: `git` makes it a repository with one commit; `files` of the course."""

    git: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureWebhook:
    """A webhook that a fresh registry has. actions: such as "push" and "delete"; service_uri: where it posts to."""

    name: str
    actions: tuple[str, ...] = ("push",)
    service_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureRegistry:
    """A container registry that a fresh sandbox's local Azure has, empty. sku: Basic, Standard or Premium."""

    name: str
    sku: str = "Standard"
    webhooks: tuple[AzureWebhook, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """What a learner finds in the sandbox's local Azure."""

    resource_group: str
    location: str = "eastus"
    registries: tuple[AzureRegistry, ...] = ()
