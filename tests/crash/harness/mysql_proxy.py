"""The proxy in front of MySQL and MariaDB: a call is one packet of the client, the login included."""

from __future__ import annotations

from harness.relay import Ended, Relay, Wire
from harness.statement import summary

_SSL, _DEPRECATE_EOF = 1 << 11, 1 << 24
_MORE_RESULTS = 8
_OK, _MORE_DATA, _END, _ERROR = 0x00, 0x01, 0xFE, 0xFF
_QUIT, _QUERY = 0x01, 0x03
_NAMES = {_QUIT: "quit", 0x02: "init db", _QUERY: "query", 0x0E: "ping", 0x1F: "reset connection"}


class MySqlProxy(Relay):
    """Ends TLS on both sides where the client asks for it.  Commands: text protocol only."""

    def serve(self, client: Wire, server: Wire) -> None:
        client.give(_take_packet(server))  # the server speaks first
        is_short = self._log_in(client, server)
        while True:
            client.await_message()
            packet = _take_packet(client)
            command = packet[4]
            if command not in _NAMES:
                raise ValueError(f"command {command} of MySQL's protocol is not known to the proxy")
            number = self.calls.arrive(_label(command, packet[5:]), client, is_last=command == _QUIT)
            client.counted()
            server.give(packet)
            self.calls.forwarded(number)
            answer = _take_answer(server, command, is_short)
            self.calls.answered(number)
            client.give(answer)
            if command == _QUIT:
                return

    def _log_in(self, client: Wire, server: Wire) -> bool:
        """Until the server accepts; whether results end without a packet between columns and rows."""
        packet = _take_packet(client)
        capabilities = int.from_bytes(packet[4:8], "little")
        if capabilities & _SSL and len(packet) == 4 + 32:
            number = self.calls.arrive("sql ssl request", client)
            server.give(packet)
            self.calls.forwarded(number)
            self.calls.answered(number)
            assert self.tls is not None
            server.start_tls(self.tls.to_server, server_side=False)
            client.start_tls(self.tls.to_client, server_side=True)
            packet = _take_packet(client)
        label = "sql login"
        while True:
            number = self.calls.arrive(label, client)
            server.give(packet)
            self.calls.forwarded(number)
            answer = _take_turn(server)
            self.calls.answered(number)
            client.give(answer[0] + answer[1])
            if answer[1][4] == _ERROR:
                raise Ended
            if answer[1][4] == _OK:
                return capabilities & _DEPRECATE_EOF != 0
            packet = _take_packet(client)
            label = "sql login, next packet"


def _take_packet(wire: Wire) -> bytes:
    """One packet with its header."""
    header = wire.take(4)
    return header + wire.take(int.from_bytes(header[:3], "little"))


def _label(command: int, rest: bytes) -> str:
    return f"sql {_NAMES[command]}" + (f" {summary(rest)}" if command == _QUERY else "")


def _take_turn(server: Wire) -> tuple[bytes, bytes]:
    """What the server says during the login until it is the client's turn; the last packet apart."""
    before = b""
    while True:
        packet = _take_packet(server)
        if packet[4] != _MORE_DATA or packet[5:] != b"\x03":  # "fast login succeeded": more follows
            return before, packet
        before += packet


def _take_answer(server: Wire, command: int, is_short: bool) -> bytes:
    if command == _QUIT:
        return server.take_rest()
    if command != _QUERY:
        return _take_packet(server)
    answer = b""
    while True:
        result, has_more = _take_result(server, is_short)
        answer += result
        if not has_more:
            return answer


def _take_result(server: Wire, is_short: bool) -> tuple[bytes, bool]:
    """One result, and whether another one follows."""
    first = _take_packet(server)
    if first[4] == _ERROR:
        return first, False
    if first[4] == _OK:
        _, rest = _integer(first[5:])
        _, rest = _integer(rest)
        return first, rest[0] & _MORE_RESULTS != 0
    result, ends = first, 1 if is_short else 2
    columns, _ = _integer(first[4:])
    for _ in range(columns):
        result += _take_packet(server)
    while True:
        packet = _take_packet(server)
        result += packet
        if packet[4] == _ERROR:
            return result, False
        if packet[4] == _END and len(packet) < 4 + (0xFFFFFF if is_short else 9):
            ends -= 1
            if ends == 0:
                return result, _end_status(packet, is_short) & _MORE_RESULTS != 0


def _end_status(packet: bytes, is_short: bool) -> int:
    if not is_short:
        return packet[7]
    _, rest = _integer(packet[5:])
    _, rest = _integer(rest)
    return rest[0]


def _integer(data: bytes) -> tuple[int, bytes]:
    """A number of variable length, and what follows it."""
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(data[0], 0)
    if size == 0:
        return data[0], data[1:]
    return int.from_bytes(data[1 : 1 + size], "little"), data[1 + size :]
