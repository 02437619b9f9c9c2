"""An HTTP proxy on loopback, such as stands between a company's machines and the world."""

import socket
import threading

import pytest


class Proxy(threading.Thread):
    """An HTTP proxy that knows CONNECT alone and takes every name to 127.0.0.1."""

    def __init__(self, status="200 Connection established"):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.status, self.asked = status, []
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = client.recv(65536)
            if not chunk:
                return client.close()
            head += chunk
        target = head.split(b" ")[1].decode()
        self.asked.append(target)
        client.sendall(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
        if not self.status.startswith("200"):
            return client.close()
        server = socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])))
        other = threading.Thread(target=self.pump, args=(server, client), daemon=True)
        other.start()
        self.pump(client, server)
        other.join()
        client.close()
        server.close()

    @staticmethod
    def pump(source, target):
        try:
            while chunk := source.recv(65536):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def proxy():
    started = []

    def make(**kwargs):
        started.append(Proxy(**kwargs))
        return started[-1]

    yield make
    for each in started:
        each.listener.shutdown(socket.SHUT_RDWR)
        each.listener.close()
        each.join()
