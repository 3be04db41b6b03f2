"""The line of simulated phones to a running server: one connection, kept open."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from geo.errors import InvalidInput

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
WAIT_S = 10.0


class PhoneLine:
    """Sends messages of any number of devices, one after the other.

    Parameters
    ----------
    url : of the server, such as http://127.0.0.1:8000

    Raises
    ------
    InvalidInput : the address is none
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise InvalidInput(
                f"The address is {url[:80]}, wanted one such as http://127.0.0.1:8000."
            )
        self._connection = http.client.HTTPConnection(
            parts.hostname, parts.port or 80, timeout=WAIT_S
        )

    def send(self, format: str, body: str, *, kind: str = FORM, token: str | None = None) -> int:
        """Send a message in a format of `/v1/positions/in`; return the status of the answer, 0
        where there was none.

        Parameters
        ----------
        token : of the device, where its name isn't its token
        """
        headers = {"Content-Type": kind}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            self._connection.request("POST", f"/v1/positions/in/{format}", body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0
        return answer.status

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
