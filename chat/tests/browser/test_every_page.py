"""Every page in a real browser: nothing in it is blocked by the policy, nothing sticks out.

The `page` fixture fails a test in which the policy blocked something or a script went wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from chat.first_account import first_account_path
from chat.models import Conversation
from chat.tests.routes import addresses_of

type MakeConversation = Callable[..., Conversation]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def log_in(page: Page, server: LiveServer, user: User) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": server.url}])


def sticks_out(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@pytest.mark.parametrize("person", ["nobody", "alice", "root"])
def test_no_page_is_blocked_or_too_wide(
    page: Page,
    live_server: LiveServer,
    alice: User,
    root: User,
    make_conversation: MakeConversation,
    person: str,
) -> None:
    addresses = addresses_of(make_conversation(alice))
    if person != "nobody":
        log_in(page, live_server, User.objects.get(username=person))
    page.set_viewport_size({"width": 360, "height": 740})
    wide = []
    for address in addresses.values():
        answer = page.context.request.get(live_server.url + address, max_redirects=0)
        # A redirect leads to a page that is visited under its own address.
        if answer.headers["content-type"].startswith("text/html") and answer.status not in {
            302,
            405,
        }:
            page.goto(live_server.url + address)
            if sticks_out(page) > 0:
                wide.append(address)
    assert wide == []


def test_admin_works_under_the_policy(page: Page, live_server: LiveServer, root: User) -> None:
    log_in(page, live_server, root)
    page.goto(f"{live_server.url}/admin/auth/group/add/")
    page.fill("#id_permissions_input", "conversation")
    page.locator("#id_permissions_from option", has_text="view conversation").dblclick()
    expect(page.locator("#id_permissions_to option")).to_have_count(1)
    page.fill("#id_name", "readers")
    page.click("input[name=_save]")
    expect(page.locator(".messagelist .success")).to_be_visible()
    page.goto(f"{live_server.url}/admin/auth/user/{root.pk}/change/")
    page.locator(".field-date_joined .date-icon").click()
    expect(page.locator(".calendarbox[open]")).to_be_visible()


def test_first_account_then_out_and_in_again(page: Page, live_server: LiveServer) -> None:
    path = first_account_path()
    assert path is not None
    page.goto(live_server.url)
    expect(page.get_by_text("in the server’s log")).to_be_visible()
    page.goto(live_server.url + path)
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password", exact=True).fill("Kestrel-42-lamp")
    page.get_by_label("Password again").fill("Kestrel-42-lamp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    page.goto(f"{live_server.url}/accounts/logout/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You have been logged out.")).to_be_visible()
    expect(page.get_by_label("Username or e-mail")).to_be_focused()
    page.keyboard.type("root")
    page.keyboard.press("Tab")
    page.keyboard.type("Kestrel-42-lamp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
