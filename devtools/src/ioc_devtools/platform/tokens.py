"""Tokens of the demonstration's log-ins and service accounts, from the issuer's own token endpoint."""

from __future__ import annotations

import httpx

from ioc_devtools.platform.services import secret_name
from ioc_devtools.platform.state import CannotRun, StateFolder

CLIENTS = ("vinh-ioc", "hoang-mai-ioc", "soc-partner-nghe-an", "svc-kpi", "svc-gateway")
LOGINS = {
    "quan.tri": "province-admin",
    "truc.ban": "operator",
    "phan.tich": "analyst",
    "so.khdt": "agency-editor",
    "an.ninh": "soc-analyst",
    "vinh.quan.tri": "oc-admin (vinh)",
    "vinh.truc": "oc-operator (vinh)",
    "hoangmai.quan.tri": "oc-admin (hoang-mai)",
    "hoangmai.truc": "oc-operator (hoang-mai)",
}
"""The people of identity/realm.json, with their roles."""


class Tokens:
    """Gets tokens of this installation."""

    def __init__(self, issuer: str, state: StateFolder) -> None:
        self._endpoint = f"{issuer}/protocol/openid-connect/token"
        self._state = state

    async def of(self, name: str) -> str:
        """The access token of a log-in or a service account. Raises CannotRun for an unknown one."""
        if name in LOGINS:
            return await self.of_login(name)
        if name in CLIENTS:
            return await self._ask(
                grant_type="client_credentials", client_id=name, client_secret=self._state.secret(secret_name(name))
            )
        raise CannotRun(f"no log-in {name!r}; there are {', '.join([*LOGINS, *CLIENTS])}")

    async def of_login(self, login: str) -> str:
        """The access token of a person."""
        password = self._state.secret("IOC_DEMO_PASSWORD")
        return await self._ask(grant_type="password", client_id="ioc-cli", username=login, password=password)

    async def _ask(self, **form: str) -> str:
        async with httpx.AsyncClient(timeout=10.0) as client:
            try:
                answer = await client.post(self._endpoint, data=form)
            except httpx.HTTPError as error:
                raise CannotRun("the identity provider does not answer; is the platform up (`ioc status`)?") from error
        if not answer.is_success:
            raise CannotRun(f"the identity provider refuses: {answer.text[:300]}")
        return str(answer.json()["access_token"])
