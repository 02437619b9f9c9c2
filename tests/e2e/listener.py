"""A TCP server on loopback that serves each connection in a thread, and knows of every one that came."""

import socket
import ssl
import threading
import warnings

SECONDS = 60


def tls_context(issued, **attributes):
    """A server's TLS that takes any certificate, key and protocol version, the weak ones too; attributes are set on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Those that encrypt nothing too; no client offers them unless it is told to.
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        for name, value in attributes.items():
            setattr(context, name, value)
    context.load_cert_chain(*issued)
    return context


def read_to_end(sock):
    """Read until the peer closes; what it sent."""
    everything = b""
    while chunk := sock.recv(65536):
        everything += chunk
    return everything


class Listener:
    """Accepts TCP connections on 127.0.0.1:port and serves each in a thread of its own, by self.serve(sock, number)."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.stopping = threading.Event()
        self._farewell = None
        self._open = set()
        self._threads = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        while True:
            sock, peer = self._listener.accept()
            if peer == self._farewell:
                sock.close()
                self._listener.close()
                return
            sock.settimeout(SECONDS)
            # An answer in two writes would wait for the client's delayed acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(sock)
            thread = threading.Thread(target=self._serve, args=(sock, len(self._threads)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock, number):
        try:
            self.serve(sock, number)
        except OSError:
            # The client went away, or stop() closed the socket: what was seen until then is on record.
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def _stop_accepting(self):
        """Connections are accepted in the order they came in: once our own last one is, all before it are."""
        if not self._acceptor.is_alive():
            return
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._farewell = last.getsockname()
            last.connect(("127.0.0.1", self.port))
            self._acceptor.join(SECONDS)

    def finish(self):
        """Take no more connections, and wait until all that came are served to their end."""
        self._stop_accepting()
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), "a client still has its connection open"

    def stop(self):
        """Take no more connections and cut all that are open."""
        self._stop_accepting()
        self.stopping.set()
        for sock in list(self._open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(SECONDS)
