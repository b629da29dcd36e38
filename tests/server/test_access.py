"""Who may ask: names of hosts, pages of others, tokens."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from nmt.errors import InputError
from nmt.server.access import Access, AccessRules, rules

APP = Starlette(
    routes=[Route(path, lambda request: PlainTextResponse("yes"), methods=["GET", "POST"]) for path in ("/", "/ask")]
)
NEAR = rules("localhost", "127.0.0.1")
PAGE = "https://example.org"


def ask(
    allowed: AccessRules, path: str = "/ask", method: str = "POST", **headers: str
) -> tuple[int, dict[str, str], str]:
    """Send a request through the checks; a header's underscores stand for hyphens."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": given, "query_string": b"", "app": APP}
    asyncio.run(Access(APP, allowed)(scope, receive, send))
    answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answer, b"".join(part.get("body", b"") for part in sent[1:]).decode()


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST", "localhost:9000"])
def test_its_own_names_are_answered(host: str) -> None:
    code, headers, text = ask(NEAR, host=host)
    assert (code, text) == (200, "yes")
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["evil.example:8501", "127.0.0.1.evil.example", "localhost.evil.example", "", "::1"])
def test_a_name_of_others_that_leads_here_is_refused(host: str) -> None:
    code, _, text = ask(NEAR, host=host)
    assert code == 421 and "'Host'" in text
    assert ask(NEAR)[0] == 421


def test_the_name_that_the_user_gave_is_its_own() -> None:
    assert ask(rules("my-machine", "127.0.0.1"), host="my-machine:8501")[0] == 200
    assert ask(rules("0.0.0.0", "0.0.0.0", open_to_all=True), host="any.name")[0] == 200


@pytest.mark.parametrize(
    "origin", [PAGE, "null", "http://localhost:3000", "file://", "http://localhost:8501.evil.example"]
)
def test_pages_of_others_are_refused(origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        code, headers, text = ask(NEAR, method=method, host="localhost:8501", origin=origin)
        assert code == 403 and "--allow-origin" in text and "access-control-allow-origin" not in headers


def test_its_own_page_asks() -> None:
    assert ask(NEAR, host="localhost:8501", origin="http://localhost:8501", content_type="application/json")[0] == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "Text/Plain"])
def test_forms_of_pages_are_refused_and_curl_is_not(kind: str) -> None:
    for sender in (
        {"origin": "http://localhost"},
        {"referer": "http://evil.example/"},
        {"sec_fetch_site": "cross-site"},
    ):
        assert ask(NEAR, host="localhost", content_type=kind, **sender)[0] == 415
    assert ask(NEAR, host="localhost", content_type=kind)[0] == 200  # curl -d sends a form's type


def test_an_origin_that_is_allowed_may_ask_and_no_other() -> None:
    allowed = rules("localhost", "127.0.0.1", token="secret", origins=[PAGE])
    asked = {"access_control_request_method": "POST"}
    code, headers, _ = ask(allowed, method="OPTIONS", host="localhost", origin=PAGE, **asked)
    assert code == 204 and headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-allow-headers"] == "authorization, content-type" and headers["vary"] == "Origin"
    # A refusal can be read by the page, too.
    code, headers, _ = ask(allowed, host="localhost", origin=PAGE)
    assert code == 401 and headers["access-control-allow-origin"] == PAGE
    code, headers, _ = ask(allowed, host="localhost", origin=PAGE, authorization="Bearer secret")
    assert code == 200 and headers["access-control-allow-origin"] == PAGE
    assert ask(allowed, host="localhost", origin="https://example.org.evil.example")[0] == 403
    assert ask(allowed, host="evil.example", origin=PAGE)[0] == 421


@pytest.mark.parametrize(
    "given", ["", "secret", "Bearer", "Bearer secre", "Bearer secrets", "Basic secret", "Bearer \xff"]
)
def test_without_the_token_nothing_is_answered(given: str) -> None:
    far = rules("0.0.0.0", "0.0.0.0", token="secret")
    code, headers, text = ask(far, host="any.name", authorization=given)
    assert code == 401 and headers["www-authenticate"] == "Bearer" and "secret" not in text
    assert ask(far, "/", host="any.name")[0] == 200  # the page, where the token is typed


def test_with_the_token_it_is_answered_and_the_token_is_in_no_text() -> None:
    far = rules("0.0.0.0", "0.0.0.0", token="secret")
    assert ask(far, host="any.name", authorization="bearer secret")[0] == 200
    assert "secret" not in repr(far)
    assert ask(rules("0.0.0.0", "0.0.0.0", token="secret", open_to_all=True), host="any.name")[0] == 200


def test_where_others_reach_it_a_token_is_needed() -> None:
    for address in ("0.0.0.0", "192.0.2.7", "::", "fe80::1%eth0"):
        with pytest.raises(InputError, match=r"NMT_TOKEN.*--open"):
            rules("name", address)
    with pytest.raises(InputError, match="no header") as error:
        rules("name", "0.0.0.0", token="secrét")
    assert "secr" not in str(error.value)
    for origin in ("*", "https://example.org/", "example.org", "https://user@example.org", "null"):
        with pytest.raises(InputError, match="--allow-origin"):
            rules("name", "127.0.0.1", origins=[origin])
