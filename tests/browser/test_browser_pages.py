"""Using the pages in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import baserun
from baserun.store import open_store
from baserun.testing import capture

expect = pytest.importorskip("playwright.sync_api").expect

pytestmark = pytest.mark.browser

KEY = "a-key-that-is-long-enough"
SCREENS = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


def test_a_complaint_is_found_in_three_steps(visitor: Any) -> None:
    """The e-mail address leads to the user, the user to the session, and the session shows the error and feedback."""
    page = visitor.go("/users")

    page.get_by_label("User, or their e-mail address").fill("ada@example.com")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Where is my order 4711?").click()

    expect(page.get_by_text("RateLimitError (429)")).to_be_visible()
    expect(page.get_by_text("I only wanted to cancel")).to_be_visible()
    assert "example.com" not in page.url


def test_a_new_session_appears_by_itself(visitor: Any, record: Callable[..., None]) -> None:
    """The list shows a session that another process records, without a reload."""
    page = visitor.go("/sessions")
    expect(page.locator(".live.on")).to_be_visible()
    page.evaluate("window.stays = true")

    record("Is this live?")

    expect(page.get_by_role("link", name="Is this live?").first).to_be_visible()
    assert page.evaluate("window.stays")


def test_a_conversation_goes_on_by_itself(visitor: Any, record: Callable[..., None]) -> None:
    """A turn that another process records is added to the open conversation."""
    record("First question")
    page = visitor.go("/sessions/live")
    expect(page.locator(".live.on")).to_be_visible()

    record("Second question")

    expect(page.locator(".said.user", has_text="Second question")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(2)


def test_new_rows_wait_for_the_pointer(visitor: Any, record: Callable[..., None]) -> None:
    """While the pointer is over a list no rows move; a button has the number of new ones, and shows them."""
    page = visitor.go("/sessions")
    expect(page.locator(".live.on")).to_be_visible()
    page.locator("tbody tr").nth(2).hover()

    record("Do not move")

    page.get_by_role("button", name="1 new").click()
    expect(page.get_by_role("link", name="Do not move").first).to_be_visible()


@pytest.mark.parametrize("place", ["/sessions?text=submarine", "/search?text=submarine"])
def test_new_rows_wait_where_there_were_none(visitor: Any, record: Callable[..., None], place: str) -> None:
    """Rows also wait for the pointer in a list or search that was empty when it was opened."""
    page = visitor.go(place)
    expect(page.locator(".live.on")).to_be_visible()
    record("A yellow submarine", "first")
    page.locator("a.go", has_text="yellow").hover()

    record("A green submarine", "second")

    page.get_by_role("button", name="1 new").click()
    expect(page.locator("a.go", has_text="green")).to_be_visible()


def test_live_is_off_by_a_click(visitor: Any, record: Callable[..., None]) -> None:
    """A click turns live updates off, also for pages opened later."""
    page = visitor.go("/sessions")
    page.locator(".live.on").click()
    expect(page.locator(".live")).to_have_text("live is off")

    page.reload()

    expect(page.locator(".live")).to_have_text("live is off")
    assert not [url for url in visitor.requests[-5:] if "/live?" in url]


def test_a_broken_stream_says_so(path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any]) -> None:
    """When the server is gone, the page shows that it is not live."""
    server = serve(str(path))
    visitor = open_browser(server.home)
    page = visitor.go("/sessions")
    expect(page.locator(".live.on")).to_be_visible()

    server.stop()

    expect(page.locator(".live.broken")).to_be_visible()
    visitor.problems.clear()  # here the browser should report a refused connection


def test_filters_are_addresses(visitor: Any) -> None:
    """A filter is in the URL, a click removes it, and Back restores it."""
    page = visitor.go("/sessions")
    page.get_by_label("Feedback").select_option("negative")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/sessions?feedback=negative")
    narrowed = page.locator("tbody tr").count()

    page.locator(".chip").click()
    page.wait_for_url(re.compile(r"/sessions\??$"))
    assert page.locator("tbody tr").count() > narrowed
    page.go_back()

    expect(page.locator("tbody tr")).to_have_count(narrowed)


def test_lists_are_read_with_the_keyboard(visitor: Any) -> None:
    """j and k choose a row, Enter opens it, / focuses the search, and after Back the row is still chosen."""
    page = visitor.go("/sessions")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    key = page.locator("tr.chosen").get_attribute("data-key")

    page.keyboard.press("Enter")
    page.wait_for_url(f"**/sessions/{key}")
    page.go_back()
    expect(page.locator("tr.chosen")).to_have_attribute("data-key", key)
    page.keyboard.press("/")

    expect(page.get_by_label("Words that were said")).to_be_focused()


def test_back_shows_what_the_list_is_narrowed_to(visitor: Any) -> None:
    """After Back the form shows the filters of the list, not what was filled in before leaving."""
    page = visitor.go("/sessions")
    page.get_by_label("Words that were said").fill("order")
    page.get_by_label("Feedback").select_option("negative")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/sessions?text=order&feedback=negative")

    page.go_back()

    expect(page.get_by_label("Feedback")).to_have_value("")
    expect(page.get_by_label("Words that were said")).to_have_value("")


def test_enter_opens_what_is_chosen_wherever_the_focus_was(visitor: Any) -> None:
    """Enter opens the row chosen with j, also if a link had the focus before."""
    page = visitor.go("/sessions")
    page.get_by_role("link", name="started").focus()
    page.keyboard.press("j")
    key = page.locator("tr.chosen").get_attribute("data-key")

    page.keyboard.press("Enter")

    page.wait_for_url(f"**/sessions/{key}")


@pytest.mark.parametrize("menu", ["more", "export"])
def test_escape_closes_a_menu(visitor: Any, menu: str) -> None:
    """Escape closes a menu that was opened by keyboard, and returns the focus to it."""
    page = visitor.go("/sessions")
    summary = page.locator("summary", has_text=menu)
    summary.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("details[open]")).to_have_count(1)

    page.keyboard.press("Escape")

    expect(page.locator("details[open]")).to_have_count(0)
    expect(summary).to_be_focused()


def test_texts_run_in_their_own_direction(visitor: Any, record: Callable[..., None]) -> None:
    """A question in Hebrew runs from right to left, in lists and conversations."""
    record("\u05d0\u05e4\u05e9\u05e8 \u05dc\u05d1\u05d8\u05dc?")
    page = visitor.go("/sessions")
    row = page.locator(".words .first", has_text="\u05d0\u05e4\u05e9\u05e8")
    assert row.evaluate(FIRST_AND_LAST)[0] > row.evaluate(FIRST_AND_LAST)[1]

    visitor.go("/sessions/live")

    first, last = page.locator(".said.user .prose").evaluate(FIRST_AND_LAST)
    assert first > last


def test_a_user_is_erased_with_a_receipt(visitor: Any, path: Path, filler: Any) -> None:
    """After confirming with a word the user is erased, and a receipt is shown."""
    import baserun

    user = baserun.hash_user(filler.email("ada"))
    page = visitor.go(f"/users/{user}")
    page.get_by_role("link", name="erase…").click()
    page.get_by_label("Write erase to confirm").fill("erase")
    page.get_by_role("button", name="Erase for good").click()

    expect(page.get_by_role("heading", name="Erased")).to_be_visible()
    expect(page.get_by_text("sessions", exact=True)).to_be_visible()
    with open_store(path) as store:  # type: ignore[attr-defined]
        assert store.user(user) is None


def test_everything_of_a_user_is_downloaded(visitor: Any, filler: Any) -> None:
    """The export of a user is downloaded as a file."""
    import baserun

    page = visitor.go(f"/users/{baserun.hash_user(filler.email('ada'))}")
    page.get_by_text("export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON lines, everything").click()

    assert download.value.suggested_filename == "baserun-user.jsonl"


def test_a_span_is_opened(visitor: Any) -> None:
    """A click in the margin of a turn opens the call, whose span is in the URL."""
    page = visitor.go("/sessions")
    page.get_by_role("link", name="Where is my order 4711?").first.click()
    page.locator(".margin .call").first.click()

    expect(page.locator("tr.opened")).to_have_count(1)
    expect(page.get_by_role("heading", name="input")).to_be_visible()
    assert "span=" in page.url


def test_the_key_is_asked_for(path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any]) -> None:
    """With a key, the login leads to the requested page, and logging out to the form."""
    visitor = open_browser(serve(str(path), "--key", KEY).home)
    page = visitor.go("/sessions?feedback=negative")

    page.get_by_label("Key").fill(KEY)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    assert page.url == f"{visitor.home}/sessions?feedback=negative"
    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_label("Key")).to_be_visible()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(
    path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any], screen: str, scheme: str
) -> None:
    """No page is wider than the screen, on desktop and phone, light and dark, and all text has enough contrast."""
    visitor = open_browser(serve(str(path)).home, viewport=SCREENS[screen], color_scheme=scheme)
    page = visitor.go("/sessions")
    session = page.locator(".words a.go").first.get_attribute("href")
    page.goto(visitor.home + session)
    trace = page.locator(".margin a").first.get_attribute("href")

    for place in ("/", "/sessions", "/users", "/traces", "/search?text=order", session, trace):
        visitor.go(place)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
        assert page.evaluate(CONTRAST) >= 4.5, place


def test_a_phone_shows_the_whole_navigation(
    path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any]
) -> None:
    """On a phone the whole navigation is visible without scrolling sideways."""
    visitor = open_browser(serve(str(path)).home, viewport={"width": 360, "height": 800})
    page = visitor.go("/")

    assert page.evaluate("(nav => nav.scrollWidth <= nav.clientWidth)(document.querySelector('.top nav'))")


@pytest.mark.parametrize("width", [768, 1000, 1100])
def test_beside_the_application_a_list_shows_what_was_asked(
    path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any], width: int
) -> None:
    """In a narrow window the question, which links to the session, is visible in lists of sessions."""
    visitor = open_browser(serve(str(path)).home, viewport={"width": width, "height": 900})
    page = visitor.go("/sessions")
    user = page.locator("tbody a.user").first.get_attribute("href")

    for place in ("/sessions", user):
        visitor.go(place)

        cell = page.locator("td.words").first.bounding_box()
        assert cell["width"] >= 180, place
        assert cell["x"] + cell["width"] <= width, place


@pytest.mark.parametrize("screen", SCREENS)
def test_the_layout_holds_whatever_is_said(
    hostile: Path, serve: Callable[..., Any], open_browser: Callable[..., Any], screen: str
) -> None:
    """With markup, control characters and endless lines in every field, nothing runs and no page is too wide."""
    visitor = open_browser(serve(str(hostile)).home, viewport=SCREENS[screen])
    page = visitor.go("/sessions/hostile")
    page.on("dialog", lambda dialog: visitor.problems.append(dialog.message))
    trace = page.locator(".margin a").first.get_attribute("href")

    for place in ("/", "/sessions", "/users", "/traces", "/search?text=alert", "/sessions/hostile", trace):
        visitor.go(place)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
        assert page.evaluate(LAID_OVER) == [], place


@pytest.mark.parametrize("width", [390, 1010, 1280])
def test_a_long_path_stays_in_its_place(
    path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any], width: int
) -> None:
    """Long names of traces and spans, without spaces to break at, make no page wider."""
    with capture(store=path) as captured:
        with baserun.with_session(session_identifier="deep"), baserun.start_trace("POST " + "/segment" * 24):
            baserun.log("said")
            with baserun.span("lookup_" * 20):
                pass
        assert captured.flush()
    visitor = open_browser(serve(str(path)).home, viewport={"width": width, "height": 900})
    page = visitor.go("/sessions/deep")
    name, margin = page.locator(".margin .name").bounding_box(), page.locator(".margin").bounding_box()

    assert name["x"] + name["width"] <= margin["x"] + margin["width"]
    page.locator(".margin a").first.click()
    expect(page.get_by_role("heading", name="Trace")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".waterfall").evaluate("(it) => it.scrollWidth <= it.closest('.scroll').clientWidth")


def test_a_session_is_ended(visitor: Any, record: Callable[..., None]) -> None:
    """A click ends the session; the page says so, and the button is gone."""
    record("Are you there?")
    page = visitor.go("/sessions/live")

    page.get_by_role("button", name="End").click()

    expect(page.get_by_text("ended", exact=False).first).to_be_visible()
    expect(page.get_by_role("button", name="End")).to_have_count(0)


def test_a_session_becomes_a_test(visitor: Any, record: Callable[..., None]) -> None:
    """A click downloads a test of the session with its recording."""
    record("Are you there?")
    page = visitor.go("/sessions/live")

    with page.expect_download() as download:
        page.get_by_role("link", name="To test").click()

    assert download.value.suggested_filename == "test_session_live.zip"


def test_pages_work_without_javascript(path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any]) -> None:
    """Without JavaScript, lists, filters and conversations work."""
    visitor = open_browser(serve(str(path)).home, java_script_enabled=False)
    page = visitor.go("/sessions")
    page.get_by_label("Words that were said").fill("4711")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Where is my order 4711?").click()

    expect(page.get_by_text("It is packed, and leaves us tonight.")).to_be_visible()


FIRST_AND_LAST = """(element) => {
  const text = element.firstChild;
  return [0, text.data.trimEnd().length - 1].map((at) => {
    const range = document.createRange();
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    return range.getBoundingClientRect().left;
  });
}"""
"""The horizontal positions of the first and last character of a text."""
LAID_OVER = """() => {
  const found = [];
  for (const table of document.querySelectorAll("main table")) {
    const room = table.parentElement.getBoundingClientRect();
    const scrolls = getComputedStyle(table.parentElement).overflowX === "auto";
    if (!scrolls && table.getBoundingClientRect().right > room.right + 1) found.push(table.className);
  }
  return found;
}"""
"""Tables that overflow their container without scrolling."""
CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((value) => value / 255)
      .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!/rgba\\(.*, 0\\)/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = 21;
  for (const element of document.querySelectorAll("main *, header *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText || !element.offsetParent) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(ground(element))];
    worst = Math.min(worst, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05));
  }
  return worst;
}"""


@pytest.mark.parametrize("width", [768, 1024, 1180])
def test_filters_stand_in_one_line_on_a_tablet(
    path: Path, serve: Callable[..., Any], open_browser: Callable[..., Any], width: int
) -> None:
    """The filters of a list and their button are in one line, below the heading."""
    page = open_browser(serve(str(path)).home, viewport={"width": width, "height": 800}).go("/sessions?feedback=any")

    fields = page.query_selector_all(".filters > input:not([type=hidden]), .filters > select, .filters > button")

    assert len(fields) == 6
    assert len({round(field.bounding_box()["y"]) for field in fields}) == 1
