"""The web page in a real headless browser, wide and narrow. Skipped where none is installed."""

import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.stored import result
from wordle_rl.agents.loading import load_agent
from wordle_rl.evaluation.game_replay import prepare
from wordle_rl.evaluation.results import result_id
from wordle_rl.evaluation.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
uvicorn = pytest.importorskip("uvicorn", reason="the extra web is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium: apt-get install chromium"),
    # Playwright leaves its own sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with three agents."""
    from wordle_rl.evaluation.web import create_app

    prepare()
    folder = tmp_path_factory.mktemp("site")
    hostile = result(f"z{HOSTILE}", lambda i, _: 5)
    games = tuple({**one, "actions": [HOSTILE] * 5} for one in hostile.games)
    hostile = replace(hostile, games=games)
    hostile = replace(hostile, id=result_id(hostile))
    with Store(folder / "results.db") as store:
        for one in (result("fast", lambda i, _: 3), result("slow", lambda i, _: 4), hostile):
            store.add(one)
    app = create_app(
        folder / "results.db", runs=folder, agents=["greedy-patterns:crane"], load=load_agent
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


class Visit:
    """A page and what went on behind it."""

    def __init__(self, browser: "Browser", site: str, **context: object) -> None:
        self.page = browser.new_context(base_url=site, **context).new_page()
        self.page.set_default_timeout(60_000)
        self.asked: list[str] = []
        self.said: list[str] = []
        self.answers: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda line: self.said.append(line.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("response", self._keep)

    def _keep(self, response: "Response") -> None:
        if "/api/" in response.url:
            self.answers.append(response.text())

    def play(self, *words: str) -> None:
        for word in words:
            self.page.keyboard.type(word)
            self.page.keyboard.press("Enter")
            self.page.wait_for_selector("body:not([aria-busy])")

    def fits(self) -> bool:
        """Whether nothing sticks out to the right; `innerWidth` would grow with what does."""
        assert self.page.viewport_size is not None
        wide: int = self.page.evaluate("document.documentElement.scrollWidth")
        return wide <= self.page.viewport_size["width"]


def test_the_leaderboard_sorts_and_nothing_leaves_the_machine(
    browser: "Browser", site: str
) -> None:
    visit = Visit(browser, site)
    page = visit.page
    page.goto("/")
    names = page.locator("tbody th.name")
    assert [name[:4] for name in names.all_inner_texts()] == ["fast", "slow", "z<im"]
    page.get_by_role("button", name="Score").click()
    page.get_by_role("button", name="Score").click()
    assert [name[:4] for name in names.all_inner_texts()] == ["z<im", "slow", "fast"]
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Score")
    page.locator("tbody th.name a", has_text="fast").click()
    page.get_by_role("link", name="all games").click()
    page.locator(".games a").first.click()
    page.wait_for_selector(".steps")
    assert all(url.startswith(site) for url in visit.asked)
    assert visit.said == []


def test_a_replay_by_keys_and_buttons(browser: "Browser", site: str) -> None:
    visit = Visit(browser, site)
    page = visit.page
    page.goto("/games/1")
    steps = page.locator(".step:visible")
    assert steps.count() == 3
    page.keyboard.press("Home")
    assert steps.count() == 1
    page.keyboard.press("ArrowRight")
    assert steps.count() == 2
    page.get_by_role("button", name="One guess on").click()
    assert steps.count() == 3
    assert page.get_by_role("button", name="One guess on").is_disabled()
    assert "Words left" in page.locator(".step").first.inner_text()
    assert "Solver plays" in page.locator(".step").first.inner_text()
    tile = page.locator(".step").last.locator(".tile").first
    assert tile.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(83, 141, 78)"


def test_hostile_text_is_shown_and_never_run(browser: "Browser", site: str) -> None:
    visit = Visit(browser, site)
    page = visit.page
    page.goto("/")
    page.locator("tbody th.name a", has_text="z<img").click()
    page.wait_for_selector("h1")
    assert page.locator("h1").inner_text() == f"z{HOSTILE}"
    page.get_by_role("link", name="all games").click()
    page.locator(".games a").first.click()
    page.get_by_text("What was said").first.click()
    assert page.locator("pre").first.inner_text() == HOSTILE
    assert "owned" not in page.title()[:5]
    assert page.locator("main img, main script").count() == 0
    assert visit.said == []


def test_a_game_at_the_keyboard(browser: "Browser", site: str) -> None:
    visit = Visit(browser, site)
    page = visit.page
    page.goto("/play")
    page.wait_for_selector("#you .row")
    visit.play("zzzzz")
    assert page.locator("#message").inner_text() == "Not in the word list."
    for _ in range(5):
        page.keyboard.press("Backspace")
    visit.play("crane", "moist")
    assert page.locator("#you .row[aria-label*='elsewhere'], #you .row[aria-label*='word']").count()
    assert page.locator("#them .tile[data-mark]").count() == 10
    assert page.locator("#them").inner_text().strip() == ""
    before = " ".join(visit.answers)
    page.get_by_role("button", name="Give up").click()
    page.wait_for_selector("text=The word was")
    secret = re.search(r"The word was ([A-Z]{5})", page.locator("#message").inner_text())
    assert secret is not None
    shown = secret[1].lower()
    assert shown in visit.answers[-1]
    assert shown in ("crane", "moist", "zzzzz") or shown not in before
    assert page.locator("#them").inner_text().replace("\n", "").startswith("CRANE")
    assert page.get_by_role("button", name="Give up").is_disabled()
    assert visit.said == []


def test_a_game_by_touch_on_a_phone(browser: "Browser", site: str) -> None:
    visit = Visit(browser, site, viewport=PHONE, has_touch=True, is_mobile=True)
    page = visit.page
    page.goto("/play")
    page.wait_for_selector("#you .row")
    for key in "crane":
        page.locator(f"[data-key={key}]").tap()
    page.locator("[data-key=enter]").tap()
    page.wait_for_selector("#you .tile[data-mark]")
    assert page.locator("#you .row").first.inner_text().replace("\n", "") == "CRANE"
    assert page.locator(".key[data-letter=c]").get_attribute("aria-label").startswith("c, ")
    last = page.locator("[data-key=enter]").bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= PHONE["height"], "the keyboard is on the screen"
    assert min(page.locator("[data-key=q]").bounding_box().values()) >= 0
    assert visit.fits()


@pytest.mark.parametrize("path", ["/", "/play", "/games/1", "/agents"])
def test_a_narrow_screen_holds_every_page(browser: "Browser", site: str, path: str) -> None:
    visit = Visit(browser, site, viewport=PHONE, is_mobile=True, has_touch=True)
    visit.page.goto("/" if path == "/agents" else path)
    if path == "/agents":
        visit.page.locator("tbody th.name a").last.click()
        visit.page.wait_for_selector("h1")
        assert visit.fits()
        visit.page.get_by_role("link", name="all games").click()
        visit.page.wait_for_selector(".games")
    assert visit.fits()


def test_switches_are_remembered(browser: "Browser", site: str) -> None:
    visit = Visit(browser, site, color_scheme="light")
    page = visit.page
    page.goto("/games/1")
    page.get_by_role("button", name="Colour-blind").click()
    page.get_by_role("button", name="Dark").click()
    page.goto("/games/1")
    tile = page.locator(".tile[data-mark=G]").last
    assert tile.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(245, 121, 58)"
    body = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert body == "rgb(20, 21, 23)"
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"


def test_everything_has_a_name_for_who_cannot_see(browser: "Browser", site: str) -> None:
    visit = Visit(browser, site)
    page = visit.page
    for path in ("/", "/play", "/games/1"):
        page.goto(path)
        page.wait_for_selector("main")
        for control in page.locator("button:visible, a:visible, select:visible").all():
            named = control.evaluate(
                "e => (e.getAttribute('aria-label') || e.innerText"
                " || e.labels?.[0]?.innerText || '').trim()"
            )
            assert named, control.evaluate("e => e.outerHTML")
        assert page.locator("h1").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
    page.goto("/play")
    assert page.locator("[aria-live=polite]").count() >= 2
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"


def test_the_static_page_works_offline(browser: "Browser", site: str, tmp_path: Path) -> None:
    from wordle_rl.evaluation.leaderboard import leaderboard
    from wordle_rl.evaluation.pages import static_page

    with Store(tmp_path / "results.db") as store:
        store.add(result("fast", lambda i, _: 3))
        store.add(result("slow", lambda i, _: 4))
        board = leaderboard(store, "wordle-val[6]")
    (tmp_path / "board.html").write_text(static_page([board]), encoding="utf-8")
    visit = Visit(browser, site, offline=True)
    page = visit.page
    page.goto((tmp_path / "board.html").as_uri())
    page.get_by_role("button", name="Score").click()
    page.get_by_role("button", name="Score").click()
    assert page.locator("tbody th.name").all_inner_texts()[:2] == ["slow", "fast"]
    assert page.locator(".board circle.value").count() == 2
    assert len(visit.asked) == 1
    assert visit.said == []
