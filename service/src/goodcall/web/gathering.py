"""Bodies handed to the app in large pieces.

uvicorn wakes the app for every 64 KiB that come, and stops reading until it has taken them. For a body that is read
whole before anything is done with it, that is a twentieth of what a completion costs, for nothing.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PIECE_BYTES: Final = 4 << 20
"""A body of no more than this comes in one piece; a thousand completions are less."""


class GatheringProtocol(HttpToolsProtocol):
    """One connection. Bodies of ``application/json`` are gathered; others come as they come."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._gathers = False
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._gathers = any(
            name == b"content-type" and value.startswith(b"application/json") for name, value in self.headers
        )
        self._forget()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        if not self._gathers or self.cycle.response_complete:
            super().on_body(body)
            return
        self._gathered.append(body)
        self._gathered_bytes += len(body)
        if self._gathered_bytes >= PIECE_BYTES:
            self.flow.pause_reading()
            self._hand_over()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._hand_over()
        super().on_message_complete()

    def _hand_over(self) -> None:
        pieces = self._gathered
        self._forget()
        if not pieces or self.cycle.response_complete:
            return
        if self.cycle.body:
            # The app is behind: uvicorn keeps it.
            super().on_body(b"".join(pieces))
            return
        # uvicorn would copy it into a bytearray, and that into bytes.
        self.cycle.body = b"".join(pieces)  # type: ignore[assignment]
        self.cycle.message_event.set()

    def _forget(self) -> None:
        self._gathered, self._gathered_bytes = [], 0
