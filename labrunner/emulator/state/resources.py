"""What Azure Resource Manager knows by itself: the subscription, regions, resource groups."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sqlite3 import Row

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.store import Store

__all__ = ["LOCATIONS", "Group", "Resources", "checked_location", "location_name"]

LOCATIONS = {
    "australiacentral": "Australia Central",
    "australiaeast": "Australia East",
    "australiasoutheast": "Australia Southeast",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "canadaeast": "Canada East",
    "centralindia": "Central India",
    "centralus": "Central US",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "italynorth": "Italy North",
    "japaneast": "Japan East",
    "japanwest": "Japan West",
    "koreacentral": "Korea Central",
    "northcentralus": "North Central US",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "polandcentral": "Poland Central",
    "southafricanorth": "South Africa North",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "southindia": "South India",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uaenorth": "UAE North",
    "uksouth": "UK South",
    "ukwest": "UK West",
    "westcentralus": "West Central US",
    "westeurope": "West Europe",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
}
"""Regions by name, with their display names. Azure has more; these all have registries."""

_GROUP_CHARACTERS = re.compile(r"[\w.()-]", re.UNICODE)


def location_name(text: str) -> str:
    """A region as Azure writes it into a resource: `East US` is `eastus`."""
    return text.replace(" ", "").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A resource group. uid: this one's own; a group made again under the same name has another."""

    uid: str
    name: str
    location: str
    tags: Mapping[str, str]
    managed_by: str | None = None


class Resources:
    """The subscription and its resource groups. Names ignore case and keep the one they were made with."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        store.define(
            "CREATE TABLE IF NOT EXISTS subscription (id INTEGER PRIMARY KEY CHECK (id = 1), guid TEXT, name TEXT)",
            """CREATE TABLE IF NOT EXISTS resource_groups (
                   name TEXT PRIMARY KEY COLLATE NOCASE, uid TEXT NOT NULL, location TEXT NOT NULL,
                   tags TEXT NOT NULL, managed_by TEXT) WITHOUT ROWID""",
            "CREATE TABLE IF NOT EXISTS operation_results (id TEXT PRIMARY KEY, begun REAL NOT NULL) WITHOUT ROWID",
        )

    def found(self) -> None:
        """Have a subscription."""
        with self._store.write() as db:
            db.execute("INSERT OR IGNORE INTO subscription VALUES (1, ?, ?)", (str(uuid.uuid4()), "labrunner sandbox"))

    @property
    def subscription(self) -> str:
        """The subscription's GUID."""
        return self._subscription()[0]

    @property
    def subscription_name(self) -> str:
        """The subscription's display name."""
        return self._subscription()[1]

    @property
    def subscription_scope(self) -> str:
        """The subscription as a scope of rights."""
        return f"/subscriptions/{self.subscription}"

    def _subscription(self) -> tuple[str, str]:
        row = self._store.row("SELECT guid, name FROM subscription")
        if row is None:
            raise LookupError("the local Azure was not founded: World.found() comes first")
        return row["guid"], row["name"]

    def group(self, name: str) -> Group | None:
        """The resource group of that name."""
        row = self._store.row("SELECT * FROM resource_groups WHERE name = ?", name)
        return None if row is None else _group(row)

    def groups(self) -> list[Group]:
        """All resource groups, by name."""
        return [_group(row) for row in self._store.rows("SELECT * FROM resource_groups ORDER BY name")]

    def group_scope(self, name: str) -> str:
        """A resource group as a scope of rights."""
        return f"{self.subscription_scope}/resourceGroups/{name}"

    def ensure_group(self, name: str, location: str) -> Group:
        """The resource group, made if it is missing. Raises Refusal for a name or region that Azure does not take."""
        return self.group(name) or self.put_group(name, location)

    def put_group(
        self, name: str, location: str, *, tags: Mapping[str, str] | None = None, managed_by: str | None = None
    ) -> Group:
        """Create the group, or replace its tags. Raises Refusal (name, region, or a group elsewhere)."""
        _check_group_name(name)
        location = checked_location(location)
        there = self.group(name)
        if there is not None and there.location != location:
            raise Refusal(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location "
                f"'{there.location}'.",
            )
        with self._store.write() as db:
            db.execute(
                """INSERT INTO resource_groups (name, uid, location, tags, managed_by) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT (name) DO UPDATE SET tags = excluded.tags""",
                (name, str(uuid.uuid4()), location, json.dumps(dict(tags or {})), managed_by),
            )
        return self._known(name)

    def tag_group(self, name: str, tags: Mapping[str, str]) -> Group:
        """Replace a group's tags."""
        with self._store.write() as db:
            db.execute("UPDATE resource_groups SET tags = ? WHERE name = ?", (json.dumps(dict(tags)), name))
        return self._known(name)

    def delete_group(self, name: str) -> None:
        """Remove the group itself; what is in it is removed by the parts that keep it."""
        with self._store.write() as db:
            db.execute("DELETE FROM resource_groups WHERE name = ?", (name,))

    def begin_operation(self) -> str:
        """The id of a long-running operation, for its caller to ask about."""
        operation = uuid.uuid4().hex
        with self._store.write() as db:
            db.execute("INSERT INTO operation_results VALUES (?, ?)", (operation, self._clock.now()))
        return operation

    def operation_known(self, operation: str) -> bool:
        """Whether there was such a long-running operation."""
        return self._store.row("SELECT 1 FROM operation_results WHERE id = ?", operation) is not None

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """("resource-group", name, uid)."""
        for group in self.groups():
            yield "resource-group", group.name, group.uid

    def _known(self, name: str) -> Group:
        group = self.group(name)
        assert group is not None, f"resource group {name} is not there"
        return group


def checked_location(text: str) -> str:
    """A region's name. Raises Refusal for one that there is not (the list of regions in the message is cut: ours)."""
    name = location_name(text)
    if name not in LOCATIONS:
        raise Refusal(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{text}' is not available for resource group. List of available regions is "
            f"'{','.join(LOCATIONS)}'.",
        )
    return name


def _group(row: Row) -> Group:
    return Group(
        uid=row["uid"],
        name=row["name"],
        location=row["location"],
        tags=json.loads(row["tags"]),
        managed_by=row["managed_by"],
    )


def _check_group_name(name: str) -> None:
    # Rules: Microsoft's naming rules for Microsoft.Resources/resourcegroups. The words are a guess.
    wrong = "".join(sorted({letter for letter in name if not _GROUP_CHARACTERS.fullmatch(letter)}))
    if wrong:
        raise Refusal(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' has these invalid characters: '{wrong}'. The name can only be "
            "a letter, digit, '-', '.', '(', ')' or '_'.",
        )
    if not 1 <= len(name) <= 90 or name.endswith("."):
        raise Refusal(
            400,
            "InvalidResourceGroup",
            f"The resource group name '{name}' is not valid: it has 1 to 90 characters and does not end with '.'.",
        )
