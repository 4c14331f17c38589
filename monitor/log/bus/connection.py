"""Connects to the servers of the bus: who we are, streams as the settings say, messages out with an id, cursors on what came.

A server that is away is the world's failure: the client connects again by itself, and what was asked meanwhile raises BusAway.
Wrong credentials, unreadable files and a missing package are the operator's.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from monitor.errors import OperatorError
from monitor.log.bus.credentials import INBOX, client_options
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import Kind, stream_of

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

PATIENCE_S = 5
"""How long an answer of the servers may take."""
CONFIRM_S = 2.0
"""How long the servers may take to have a message for good before it is sent again: a new leader knows nothing of it."""
NAME_IN_USE = 10058
"""The servers' code: a stream of this name has other settings."""
PENDING_BYTES = 8 * 1024 * 1024
OTHERS = 8
"""Changes, deliveries and images take so much less than the signals, each."""
MAX_UNACKNOWLEDGED = 20_000
PING_S = 5
"""Two pings without an answer: the connection is dead."""
log = logging.getLogger("stormwatch.bus")


class BusAway(Exception):
    """The servers do not answer, or not now."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream. `sequence` rises by one with each message of the stream, those of other subjects included.

    `pending`: how many messages its reader had still to come when it was given.
    """

    subject: str
    sequence: int
    body: bytes
    headers: Mapping[str, str]
    raw: Msg
    pending: int = 0


class Bus:
    """One connection. `name` is what the servers' own monitoring shows."""

    def __init__(self, settings: BusSettings, env: Mapping[str, str], name: str) -> None:
        self._settings = settings
        self._options = client_options(settings, env)
        self._name = name
        self.inbox = str(self._options.get("inbox_prefix", INBOX))
        """Subjects of answers to us begin with this."""
        self._client: Client | None = None
        self.why = ""
        """The last failure that the client reported, while it is not connected or not permitted."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None and self._client.is_connected

    @property
    def stream(self) -> JetStreamContext:
        """The client's JetStream. Raises BusAway."""
        if self._client is None or self._client.is_closed:
            raise BusAway(self.why or "not connected")
        return self._context

    async def open(self) -> None:
        """Connect to the first server that answers. Raises BusAway if none does, OperatorError if they do not know us."""
        servers = self._settings.servers
        for number in range(len(servers)):
            try:
                await self._connect([*servers[number:], *servers[:number]])
            except BusAway:
                if number + 1 == len(servers):
                    raise
            else:
                return

    async def _connect(self, servers: list[str]) -> None:
        """Connect to the first of these servers; the client goes on to the others when it is lost."""
        nats = _library()
        from nats.aio.client import Client

        client, joined = Client(), False
        try:
            await client.connect(
                servers, name=self._name, dont_randomize=True, allow_reconnect=False, max_reconnect_attempts=1,
                reconnect_time_wait=1, connect_timeout=PATIENCE_S, error_cb=self._failed, disconnected_cb=self._lost,
                reconnected_cb=self._back, ping_interval=PING_S, pending_size=PENDING_BYTES, **self._options,
            )  # fmt: skip
        except ssl.SSLError as error:
            raise OperatorError(
                "bus.ca_file", self._settings.ca_file or "(the system's)",
                "the authority that signed the servers' certificates", f"the connection is not trusted: {error.reason}",
            ) from None  # fmt: skip
        except ImportError:
            raise OperatorError(
                "bus", "the package nkeys is not installed", "an installation with it", "pip install 'stormwatch[nats]'"
            ) from None
        except nats.errors.Error as error:
            raise self._refused(error) from None
        except (OSError, TimeoutError) as error:
            raise BusAway(str(error) or type(error).__name__) from None
        else:
            joined = True
        finally:
            if not joined:  # the client leaves the socket of a failed attempt open
                with suppress(TimeoutError):
                    await asyncio.wait_for(client.close(), 1)
        client.options |= {
            "allow_reconnect": True,
            "max_reconnect_attempts": -1,
        }  # before, it would try for ever and say nothing
        self._client, self.why = client, ""
        self._context = client.jetstream(timeout=PATIENCE_S)

    def _refused(self, error: Exception) -> Exception:
        said = f"{self.why} {error}".lower()
        if "authorization" in said or "authentication" in said:
            return OperatorError(
                "bus", "(credentials)", "those of a user that the servers know", f"the servers say: {error}"
            )
        return BusAway(self.why or str(error))

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()

    async def _failed(self, error: Exception) -> None:
        why = str(error) or type(error).__name__
        if why != self.why:
            log.warning("the bus says: %s", why)
        self.why = why

    async def _lost(self) -> None:
        self.why = self.why or "the connection was lost"

    async def _back(self) -> None:
        self.why = ""

    async def prepare(self) -> None:
        """Make the streams, or bring them to what the settings say. Raises BusAway, OperatorError."""
        nats = _library()
        for kind in Kind:
            config = self._config(kind)
            try:
                try:
                    await self.stream.add_stream(config=config)
                except nats.js.errors.BadRequestError as error:
                    if error.err_code != NAME_IN_USE:  # no room, for example: an update would only say "not found"
                        raise
                    await self.stream.update_stream(config=config)
            except nats.js.errors.APIError as error:
                if isinstance(error, nats.js.errors.ServiceUnavailableError):
                    raise BusAway(str(error.description)) from None
                raise OperatorError(
                    "bus", stream_of(self._settings.name, kind), "settings that the servers can follow",
                    f"they say: {error.description}",
                ) from None  # fmt: skip
            except (nats.errors.Error, TimeoutError) as error:
                raise BusAway(self.why or str(error)) from None

    def _config(self, kind: Kind) -> Any:
        from nats.js.api import RetentionPolicy, StorageType, StreamConfig

        one = self._settings
        return StreamConfig(
            name=stream_of(one.name, kind),
            subjects=[f"{one.name}.{kind.value}.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=one.replicas,
            max_age=0 if kind is Kind.IMAGES else one.keep_s,
            max_bytes=one.max_mb * 1_000_000 // (1 if kind is Kind.SIGNALS else OTHERS),
            max_msgs_per_subject=1 if kind is Kind.IMAGES else -1,
            duplicate_window=one.duplicate_s,
        )

    async def publish(
        self, subject: str, message_id: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> int:
        """Publish and return the sequence in the stream, when the servers have it for good. Raises BusAway.

        A message with an id that the stream has is not stored again: the sequence is that of the first.
        """
        return await self.confirmed([await self.start(subject, message_id, body, headers)])

    async def start(
        self, subject: str, message_id: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> asyncio.Future[Any]:
        """Send a message; its future ends when the servers have it for good. Raises BusAway."""
        nats = _library()
        try:
            return await self.stream.publish_async(
                subject, body, headers={**(headers or {}), "Nats-Msg-Id": message_id}, wait_stall=PATIENCE_S
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            _not_cancelled()
            raise BusAway(self.why or str(error)) from None

    async def confirmed(self, sent: Sequence[asyncio.Future[Any]]) -> int:
        """Wait until the servers have all of these messages; return the last sequence. Raises BusAway."""
        done, waiting = await asyncio.wait(sent, timeout=CONFIRM_S)
        for one in waiting:
            one.cancel()
        failed = [error for one in done if (error := one.exception()) is not None]
        if failed or waiting:
            raise BusAway(self.why or (str(failed[0]) if failed else "no answer"))
        return max(int(one.result().seq) for one in done)

    async def last(self, kind: Kind, subject: str) -> Message | None:
        """The last message of a subject; None if there is none. Raises BusAway."""
        nats = _library()
        try:
            found = await self.stream.get_last_msg(stream_of(self._settings.name, kind), subject)
        except nats.js.errors.NotFoundError:
            return None
        except (nats.errors.Error, TimeoutError) as error:
            raise BusAway(self.why or str(error)) from None
        return Message(found.subject or subject, found.seq or 0, found.data or b"", dict(found.headers or {}), found)  # type: ignore[arg-type]

    async def cursor(self, kind: Kind, reader: str, subjects: Sequence[str], after: int | datetime | None) -> Cursor:
        """A reader's cursor behind `after`, a sequence or the time when the servers stored it. Raises BusAway.

        None: at the first that is held.

        The reader's own place decides: a cursor of this name that an earlier life left is removed, because what it had been
        given and not acknowledged would come after what is new.
        """
        cursor = Cursor(self, stream_of(self._settings.name, kind), reader, subjects, after)
        await cursor.open()
        return cursor

    async def forget(self, kind: Kind, reader: str) -> None:
        """Remove a reader's cursor, if there is one. Raises BusAway."""
        nats = _library()
        try:
            await self.stream.delete_consumer(stream_of(self._settings.name, kind), reader)
        except nats.js.errors.NotFoundError:
            return
        except (nats.errors.Error, TimeoutError) as error:
            raise BusAway(self.why or str(error)) from None


ACK_WAIT_S = 30.0
"""What was not acknowledged for so long is given again."""
FETCH_S = 0.5


class Cursor:
    """Reads one stream in order, without a gap. `first` is the first sequence that the stream held when it was opened."""

    def __init__(
        self, bus: Bus, stream: str, reader: str, subjects: Sequence[str], after: int | datetime | None
    ) -> None:
        self._bus = bus
        self._name = stream
        self._reader = reader
        self._subjects = list(subjects)
        self._after = after
        self._given = 0
        """Messages that the servers have given since the cursor was opened."""
        self._empty = False
        """Whether the last time nothing came."""
        self.first = 0

    async def open(self) -> None:
        """Begin behind the last message that was read. Raises BusAway."""
        nats = _library()
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        after, stream = self._after, self._bus.stream
        config = ConsumerConfig(
            durable_name=self._reader, filter_subjects=self._subjects, ack_policy=AckPolicy.ALL, ack_wait=ACK_WAIT_S,
            max_ack_pending=MAX_UNACKNOWLEDGED, deliver_policy=DeliverPolicy.ALL,
        )  # fmt: skip
        if isinstance(after, datetime):
            config.deliver_policy, config.opt_start_time = DeliverPolicy.BY_START_TIME, after
        elif after is not None:
            config.deliver_policy, config.opt_start_seq = DeliverPolicy.BY_START_SEQUENCE, after + 1
        try:
            with suppress(nats.js.errors.NotFoundError):
                await stream.delete_consumer(self._name, self._reader)
            self._subscription = await stream.pull_subscribe(
                "", self._reader, self._name, config, inbox_prefix=f"{self._bus.inbox}.".encode()
            )
            self.first = (await stream.stream_info(self._name)).state.first_seq
        except (nats.errors.Error, TimeoutError) as error:
            raise BusAway(self._bus.why or str(error)) from None
        self._given = 0

    async def next(self, most: int = 500, within_s: float = FETCH_S) -> list[Message]:
        """The next messages, in order; empty if none came within `within_s`. Raises BusAway."""
        nats = _library()
        try:
            found = await self._subscription.fetch(most, timeout=within_s)
        except (nats.errors.TimeoutError, TimeoutError):
            _not_cancelled()
            if not self._bus.connected:
                raise BusAway(self._bus.why or "not connected") from None
            self._empty = True
            return []
        except nats.errors.Error as error:
            raise BusAway(self._bus.why or str(error)) from None
        _not_cancelled()
        self._empty = False
        whole = self._without_gap(found)
        if whole:
            self._after = whole[-1].sequence
        if len(whole) < len(found):
            log.warning("the servers left out messages of %s, or gave some again; it is read on from there", self._name)
            await self.close()
            await self.open()
        return whole

    def _without_gap(self, found: Sequence[Msg]) -> list[Message]:
        """The messages up to the first that is not the next one: what the servers gave and nobody got lies between."""
        whole = []
        for one in found:
            if one.metadata.sequence.consumer != self._given + 1:
                break
            self._given += 1
            if not isinstance(self._after, int) or one.metadata.sequence.stream > self._after:
                whole.append(_message(one))
        return whole

    async def left(self) -> int:
        """How many messages are still to come, those among them that the servers gave and nobody got. Raises BusAway."""
        nats = _library()
        try:
            found = await self._subscription.consumer_info()
        except (nats.errors.Error, TimeoutError) as error:
            raise BusAway(self._bus.why or str(error)) from None
        given = (found.delivered.consumer_seq if found.delivered else 0) - self._given
        if given > 0 and self._empty:
            await self.close()
            await self.open()
        return int(found.num_pending or 0) + given

    async def acknowledge(self, last: Message) -> None:
        """Everything up to this message is done. Raises BusAway."""
        nats = _library()
        try:
            await last.raw.ack()
        except nats.errors.Error as error:
            raise BusAway(self._bus.why or str(error)) from None

    async def close(self) -> None:
        """Stop reading; the cursor stays where it is."""
        nats = _library()
        try:
            await self._subscription.unsubscribe()
        except nats.errors.Error:
            return


def _message(one: Msg) -> Message:
    of = one.metadata
    return Message(one.subject, of.sequence.stream, one.data, one.headers or {}, one, of.num_pending)


def _not_cancelled() -> None:
    """Raise the cancellation that the client took for a time-out of its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _library() -> Any:
    try:
        import nats
        import nats.errors
        import nats.js.errors
    except ImportError:
        raise OperatorError(
            "bus.servers", "the package nats-py is not installed", "an installation with it", "pip install 'stormwatch[nats]'"
        ) from None  # fmt: skip
    return nats
