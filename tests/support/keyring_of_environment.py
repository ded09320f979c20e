"""A keyring for tests: its one secret is in the environment."""

from __future__ import annotations

import os

from keyring.backend import KeyringBackend


class EnvironmentKeyring(KeyringBackend):
    """Answers for every service and user with the variable ``TEST_KEYRING``, where it is ``service/user=secret``."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        """The secret, where it is the one that is asked for."""
        place, _, secret = os.environ.get("TEST_KEYRING", "").partition("=")
        return secret if place == f"{service}/{username}" else None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Nothing is kept."""
        raise NotImplementedError
