"""The loopback address at which the SDK reaches the sandbox: threaded, HTTP/1.1, connections kept, nothing delayed."""

import io
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit
from wsgiref.types import WSGIApplication, WSGIEnvironment

LARGEST_BODY = 1 << 20


class Server(ThreadingHTTPServer):
    """A threaded server that knows the application it serves; its threads do not keep the process alive."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, application: WSGIApplication) -> None:
        """Bind an ephemeral port of the loopback address."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.application = application

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away; report everything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Passes requests to the application, keeps connections open, and sends each answer whole and at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library names it
        """Stay silent: the shop logs its own calls."""

    def serve(self) -> None:
        """Answer one request."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        # The body is read whole before anything else: what stays unread would be taken for the next request.
        environ = self._environ(self.rfile.read(int(length)))
        answered: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
            answered.append((status, headers))
            return lambda _: None

        chunks = self.server.application(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        status, headers = answered[-1]
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_DELETE = serve  # noqa: N815 - names given by http.server

    def _environ(self, body: bytes) -> WSGIEnvironment:
        address = urlsplit(self.path)
        host, port = self.server.server_address[:2]
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(address.path, "iso-8859-1"),
            "QUERY_STRING": address.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}:
                environ[key] = value
        return environ


class Listener:
    """A server in a daemon thread on an ephemeral port."""

    def __init__(self, application: WSGIApplication) -> None:
        """Bind the port and begin to serve."""
        self._server = Server(application)
        self._thread = threading.Thread(target=self._serve, name="stripe-sandbox", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # Closing waits for the next look at the flag: a short interval makes that unnoticeable.
        self._server.serve_forever(poll_interval=0.05)

    @property
    def address(self) -> str:
        """Return the base address for the SDK."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
