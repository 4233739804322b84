"""The secrets of the account, separate by region, in memory and on disk."""

from __future__ import annotations

import re
import secrets as random_source
import string
import threading

from secretsmanager.clock import Clock
from secretsmanager.disk import Disk
from secretsmanager.secret import Secret

ACCOUNT = "123456789012"

PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "us-iso-": "aws-iso",
    "eu-isoe-": "aws-iso-e",
}

SECRET_ARN = re.compile(
    r"arn:(?P<partition>[a-z-]+):secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):secret:(?P<resource>.+)"
)
COMPLETE = re.compile(r".+-[A-Za-z0-9]{6}")


def partition_of(region: str) -> str:
    """The first part of the ARNs of a region; regions that no rule names belong to `aws`."""
    return next((name for prefix, name in PARTITIONS.items() if region.startswith(prefix)), "aws")


def arn_of(region: str, resource: str) -> str:
    """The ARN of a name, with or without the random suffix."""
    return f"arn:{partition_of(region)}:secretsmanager:{region}:{ACCOUNT}:secret:{resource}"


def new_arn(region: str, name: str) -> str:
    """A recreated secret gets another ARN: six random characters tell the two apart."""
    alphabet = string.ascii_letters + string.digits
    return arn_of(region, f"{name}-{''.join(random_source.choice(alphabet) for _ in range(6))}")


class Store:
    """All secrets. Callers hold `lock` from their first look to their save."""

    def __init__(self, disk: Disk, clock: Clock) -> None:
        self.lock = threading.RLock()
        self._disk = disk
        self._clock = clock
        self._regions: dict[str, dict[str, Secret]] = {}
        for secret in disk.load():
            self._regions.setdefault(secret.region, {})[secret.name] = secret

    def find(self, region: str, secret_id: str) -> Secret | None:
        """A secret by name, full ARN or partial ARN.

        As in the real service, a partial ARN whose last part looks like a suffix is taken for a full one,
        and so finds nothing.
        """
        arn = SECRET_ARN.fullmatch(secret_id)
        if arn is None:
            return self._alive(region, secret_id)
        resource = arn["resource"]
        if COMPLETE.fullmatch(resource):
            secret = self._alive(region, resource[:-7])
            return secret if secret is not None and secret.arn == secret_id else None
        secret = self._alive(region, resource)
        return secret if secret is not None and secret.arn.startswith(f"{secret_id}-") else None

    def all(self, region: str) -> list[Secret]:
        """The secrets of a region, oldest first."""
        present = [self._alive(region, name) for name in list(self._regions.get(region, {}))]
        return sorted((s for s in present if s is not None), key=lambda s: (s.created, s.name))

    def save(self, secret: Secret) -> None:
        """Makes a draft the state: on disk first, so that an answered write survives a kill."""
        self._disk.save(secret)
        self._regions.setdefault(secret.region, {})[secret.name] = secret

    def remove(self, secret: Secret) -> None:
        """Forgets a secret for good."""
        self._disk.remove(secret)
        self._regions.get(secret.region, {}).pop(secret.name, None)

    def clear(self) -> None:
        """Forgets every secret."""
        for region in self._regions.values():
            for secret in list(region.values()):
                self.remove(secret)

    def _alive(self, region: str, name: str) -> Secret | None:
        """Ends of recovery windows take effect when somebody looks."""
        secret = self._regions.get(region, {}).get(name)
        if secret is not None and secret.purge_at is not None and secret.purge_at <= self._clock.now():
            self.remove(secret)
            return None
        return secret
