"""Azure Resource Manager: subscriptions, resource groups, registries, webhooks and roles."""

from labrunner.emulator.arm import (
    authorization,
    groups,
    registries,
    resources,
    runs,
    subscriptions,
    tasks,
    webhooks,
)
from labrunner.emulator.arm.requests import HOST, admit, render
from labrunner.emulator.routing import Service

__all__ = ["SERVICE"]

SERVICE = Service(
    name="arm",
    title="Azure Resource Manager",
    hosts=(HOST,),
    operations=(
        *subscriptions.OPERATIONS,
        *groups.OPERATIONS,
        *resources.OPERATIONS,
        *registries.OPERATIONS,
        *webhooks.OPERATIONS,
        *tasks.OPERATIONS,
        *runs.OPERATIONS,
        *authorization.OPERATIONS,
    ),
    admit=admit,
    render=render,
    ignore_case=True,
)
