"""The names the shop answers to: its own and this machine's, and pages by one of them only."""

from __future__ import annotations

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from app import factory, settings
from app.kernel.db import db
from app.web import hosts


@pytest.fixture
def database_url(data, sqlite_template):
    """Give a database of one kind, because none is asked."""
    path = data / "lanyard.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def make_site(environment):
    """Give a maker of shops, as a server would serve them, by their settings."""
    made = []

    def make(**extra):
        app = factory.create_app(settings.from_environment({**environment, **extra}))
        made.append(app)
        return Client(factory.with_sandbox(app))

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        app.extensions["jobs"].close()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "localhost@evil.example", "[", "[::1", "a b", "", "::1"],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/nothing"), ("POST", "/sign-in"), ("GET", "/workspace")])
def test_another_name_is_refused_in_plain_text_with_every_header(app, host, method, path):
    answer = app.test_client().open(path, method=method, headers={"Host": host})
    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "X-Request-Id" in answer.headers
    assert not host or host not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:1234", "[::1]", "[::1]:8000", "training.example.org", "192.168.1.20"]
)
def test_its_own_names_are_answered(environment, host):
    own = host if host[0] in "t1" else "127.0.0.1"
    app = factory.create_app(settings.from_environment({**environment, "LANYARD_URL": f"http://{own}"}))
    assert app.test_client().get("/healthz", headers={"Host": host}).status_code == 200
    with app.app_context():
        db.engine.dispose()


def test_a_name_in_another_script_is_trusted_as_browsers_send_it(environment):
    app = factory.create_app(settings.from_environment({**environment, "LANYARD_URL": "https://bücher.example"}))
    assert app.test_client().get("/healthz", headers={"Host": "xn--bcher-kva.example"}).status_code == 200
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/prices?seats=25&interval=year", "/prices?seats=25&interval=year"),
        ("/", "/"),
        ("//evil.example/x", "//evil.example/x"),
        ("/caf%C3%A9%0D%0AX-Evil:%201", "/caf%C3%A9%0D%0AX-Evil:%201"),
        ("/sandbox/stripe/checkout/x", "/sandbox/stripe/checkout/x"),
    ],
)
def test_a_page_by_another_of_its_names_leads_to_the_shops_own(make_site, asked, told):
    site = make_site()
    for host in ("localhost:8000", "[::1]:8000"):
        answer = (
            site.get(asked, base_url=f"http://{host}/")
            if not asked.startswith("//")
            else site.get(path="/", base_url=f"http://{host}/", environ_overrides={"PATH_INFO": asked})
        )
        assert answer.status_code == 307
        assert answer.headers["Location"] == f"http://127.0.0.1:8000{told}"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/static/nothing", "/hooks/nothing"])
def test_watchers_and_files_may_come_by_any_of_its_names(make_site, path):
    assert make_site().get(path, base_url="http://localhost:8000/").status_code != 307


def test_only_reading_is_sent_on_and_only_to_the_same_port(make_site):
    site = make_site()
    assert site.post("/sign-in", base_url="http://localhost:8000/").status_code == 400
    assert site.get("/healthz", base_url="http://localhost:9000/").status_code == 200
    assert site.get("/sign-in", base_url="http://localhost:9000/").status_code == 200
    assert site.get("/sign-in", base_url="http://127.0.0.1:8000/").status_code == 200
    assert site.get("/sign-in", base_url="http://evil.example:8000/").status_code == 400


@pytest.mark.parametrize("extra", [{"LANYARD_TRUSTED_PROXIES": "1"}, {"LANYARD_URL": "https://training.example.org"}])
def test_behind_a_proxy_the_proxy_sees_to_the_name(make_site, extra):
    assert make_site(**extra).get("/sign-in", base_url="http://localhost:8000/").status_code == 200


def test_a_shop_on_the_usual_port_knows_itself_without_one():
    site = Client(hosts.OneName(Response(status=204), "http://shop.example"))
    assert site.get("/", base_url="http://localhost/").headers["Location"] == "http://shop.example/"
    assert site.get("/", base_url="http://shop.example/").status_code == 204
