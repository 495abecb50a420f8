"""The console in a real Chromium, on a whole deployment with a real Kafka."""

import os
import shutil
import signal
import uuid
from collections.abc import AsyncIterator

import psutil
import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support import eventually
from tocsin.cli.deployment import Deployment

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.skipif(
        not os.path.exists(CHROMIUM) and not os.environ.get("CI"),  # noqa: PTH110 - evaluated at collection
        reason="no Chromium on this machine (apt install chromium); required where CI is set",
    ),
]
WAIT_MS = 60_000
"""How long a page may take on a machine that has other work too; what is waited for is there as a rule at once."""
HEARD = """
window.heard = { said: [], link: [] };
document.addEventListener("DOMContentLoaded", () => {
    const all = (node, what, options) => new MutationObserver(what).observe(document.getElementById(node), options);
    all("said", (seen) => seen.forEach((m) => m.addedNodes.forEach((p) => window.heard.said.push(p.textContent))),
        { childList: true });
    all("link", () => window.heard.link.push(document.getElementById("link").dataset.state),
        { attributes: true, attributeFilter: ["data-state"] });
});
"""
"""Keeps what a page said and how its line stood: words go after seconds, and a line may be up again at once."""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium of its own for each test."""
    async with async_playwright() as p:
        chromium = await p.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield chromium
        for page in (page for context in chromium.contexts for page in context.pages):
            await page.unroute_all(behavior="ignoreErrors")  # an answer still on its way is no error of the test's
        await chromium.close()


class Desk:
    """A signed-in page, and the errors it met."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.set_default_timeout(WAIT_MS)

    async def sign_in(self, county: Deployment, token: str) -> None:
        """Opens the console and pastes the token."""
        await self.page.add_init_script(HEARD)
        await self.page.goto(county.console)
        await self.page.fill("dialog[open] input[name=token]", token)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_selector("#link[data-state=on]", timeout=WAIT_MS)

    async def said(self, words: str, count: int = 1) -> None:
        """Waits until the page has told its reader something, or has told it so often."""
        heard = "([words, n]) => window.heard.said.filter((x) => x.includes(words)).length >= n"
        await self.page.wait_for_function(heard, arg=[words, count], timeout=WAIT_MS)

    async def drawn(self) -> None:
        """Returns when what the page was answered by now is drawn: a question of one's own is answered after it."""
        frames = "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
        await self.page.evaluate(f"() => fetch('/v1/now').then((r) => r.text()).then(() => {frames})")

    async def alarm(self, state: str) -> None:
        """Waits for the alarm's state as the page itself reports it."""
        await self.page.wait_for_selector(f"html[data-alarm={state}]", timeout=WAIT_MS)

    async def row(self, incident_id: str) -> None:
        """Waits for the incident's row and chooses it."""
        await self.page.fill("#find", incident_id)
        await self.page.locator(f"#row-{incident_id}").click(timeout=WAIT_MS)

    async def task_state(self, state: str) -> None:
        """Waits for the state of one's own task in the detail."""
        await self.page.wait_for_selector(f".card.mine .pill[data-state={state}]", timeout=WAIT_MS)


async def desk(browser: Browser, county: Deployment, token: str) -> Desk:
    """A page of its own, signed in."""
    context = await browser.new_context(viewport={"width": 1500, "height": 900}, color_scheme="dark", locale="zh-CN")
    opened = Desk(await context.new_page())
    await opened.sign_in(county, token)
    return opened


async def ring(county: Deployment, text: str = "茅草街镇新街口三楼起火，浓烟很大") -> str:
    """A 119 call; answers the incident it opened."""
    call_id = f"e2e-{uuid.uuid4().hex[:12]}"
    # Each test's fire stands by itself: far from the others, so that no rule links them.
    point = {"lon": 112.30 + (uuid.uuid4().int % 200) / 1000, "lat": 28.95 + (uuid.uuid4().int % 200) / 1000}
    body = {"call_id": call_id, "line": "119", "text": text, "caller": {"number": "13800001234"}}
    body |= {"location": {"point": point | {"crs": "WGS84"}}}
    async with county.async_client("intake", "call_taker") as http:
        answer = await http.post("/v1/calls", json=body)
        assert answer.status_code == 202, answer.text

        async def decided() -> list[str]:
            return (await http.get(f"/v1/calls/{call_id}", params={"wait": 2})).json()["incident_ids"]

        return await shown(county, (await eventually(decided, what="the call's decision"))[0])


async def shown(county: Deployment, incident_id: str) -> str:
    """The incident's id once the notifier, which reads the log for itself, knows the incident."""
    async with county.async_client("notifier", "commander") as http:

        async def known() -> bool:
            return (await http.get(f"/v1/incidents/{incident_id}")).status_code == 200

        await eventually(known, what=f"the notifier shows {incident_id}")
    return incident_id


async def version(county: Deployment, incident_id: str) -> dict:
    """The incident as the fire brigade reads it."""
    async with county.async_client("notifier", "nanxian-fire") as http:
        return (await http.get(f"/v1/incidents/{incident_id}")).json()


async def test_a_fire_is_heard_acknowledged_accepted_and_completed(county: Deployment, browser: Browser) -> None:
    """A 119 call arrives live, sounds the alarm until it is acknowledged, and is worked by keys to its end."""
    fire = await desk(browser, county, county.agency_tokens["nanxian-fire"])
    before = await fire.page.evaluate("window.tocsin.alarm.sounded")
    incident_id = await ring(county)
    await fire.row(incident_id)
    await fire.alarm("sounding")
    await fire.page.wait_for_function("n => window.tocsin.alarm.sounded > n", arg=before, timeout=WAIT_MS)
    assert await fire.page.evaluate("window.tocsin.alarm.context.state") == "running"
    assert await fire.page.is_visible("#alarm")
    await fire.page.keyboard.press("Escape")
    await fire.page.focus("#queue")
    await fire.page.keyboard.press("a")
    await fire.task_state("acknowledged")
    await fire.page.keyboard.press("c")
    await fire.task_state("accepted")
    await fire.page.keyboard.press("x")
    await fire.page.fill("dialog[open] textarea[name=result]", "明火已扑灭，无人员伤亡")
    await fire.page.keyboard.press("Control+Enter")
    await fire.task_state("completed")
    shown = await version(county, incident_id)
    assert next(t for t in shown["tasks"] if t["agency"] == "nanxian-fire")["state"] == "completed"
    await fire.page.wait_for_selector(".line >> text=明火已扑灭", timeout=WAIT_MS)
    assert fire.errors == []


async def test_the_alarm_is_silent_once_nobody_waits(county: Deployment, browser: Browser) -> None:
    """When the last waiting task is acknowledged, sound and band end by themselves."""
    incident_id = await ring(county)
    fire = await desk(browser, county, county.agency_tokens["nanxian-fire"])
    async with county.async_client("notifier", "nanxian-fire") as http:
        asked = {"state": "open", "agency": "nanxian-fire", "limit": 500}
        page = (await http.get("/v1/incidents", params=asked)).json()
    waiting = [
        t["task_id"]
        for i in page["items"]
        for t in i["tasks"]
        if t["agency"] == "nanxian-fire" and t["state"] == "routed"
    ]
    assert any(t.startswith(incident_id) for t in waiting)
    await fire.page.keyboard.press("j")
    await fire.alarm("sounding")
    async with county.async_client("intake", "nanxian-fire") as http:
        for task_id in waiting:
            await http.post(f"/v1/tasks/{task_id}/commands", params={"wait": 2}, json={"command": "acknowledge"})
    await fire.alarm("quiet")
    assert not await fire.page.is_visible("#alarm")
    assert fire.errors == []


async def test_the_language_switches_and_stays(county: Deployment, browser: Browser) -> None:
    """Chinese by default; one key makes it English, and a reload keeps it."""
    taker = await desk(browser, county, county.tokens["call_taker"])
    assert await taker.page.title() != ""
    assert await taker.page.get_attribute("html", "lang") == "zh-CN"
    await taker.page.keyboard.press("l")
    await taker.page.wait_for_selector("#take:has-text('Take a call')", timeout=WAIT_MS)
    await taker.page.reload()
    await taker.page.wait_for_selector("#take:has-text('Take a call')", timeout=WAIT_MS)
    assert await taker.page.get_attribute("html", "lang") == "en"
    assert taker.errors == []


async def test_a_call_taken_at_the_desk_appears_on_it(county: Deployment, browser: Browser) -> None:
    """A call taker's form records a call through the page's own origin, and the incident shows up live."""
    taker = await desk(browser, county, county.tokens["call_taker"])
    words = f"草尾河边芦苇着火 {uuid.uuid4().hex[:8]}"
    await taker.page.keyboard.press("n")
    await taker.page.check("dialog[open] input[value='119']", force=True)
    await taker.page.fill("dialog[open] textarea[name=text]", words)
    await taker.page.fill("dialog[open] input[name=address]", "浪拔湖镇")
    await taker.page.keyboard.press("Control+Enter")
    await taker.said("已记录来电")
    await taker.page.wait_for_selector(".row", timeout=WAIT_MS)
    assert taker.errors == []


async def test_the_stream_resumes_after_a_restart_without_a_gap(county: Deployment, browser: Browser) -> None:
    """The notifier is killed; calls come meanwhile; the page says so loudly, resumes by itself and misses nothing."""
    fire = await desk(browser, county, county.agency_tokens["nanxian-fire"])
    first = await ring(county)
    await fire.page.wait_for_function("() => window.tocsin.stream.lastId", timeout=WAIT_MS)
    held = await fire.page.evaluate("window.tocsin.stream.lastId")
    assert held
    async with county.async_client("notifier", "admin") as http:
        pid = _pid_of(int(county.notifier.rsplit(":", 1)[1]))
        before = await fire.page.evaluate("window.heard.link.length")
        os.kill(pid, signal.SIGKILL)
        await fire.page.wait_for_function(
            "n => window.heard.link.slice(n).includes('down')", arg=before, timeout=WAIT_MS
        )
        second = await ring(county)

        async def back() -> bool:
            try:
                return (await http.get("/readyz")).status_code == 200
            except OSError:
                return False
            except Exception as e:  # noqa: BLE001 - httpx's own errors mean: not yet
                return e is None

        await eventually(back, seconds=60, what="the notifier's restart")
    await fire.page.wait_for_selector("#link[data-state=on]", timeout=WAIT_MS)
    for incident_id in (first, second):
        await fire.row(incident_id)
        await fire.page.wait_for_selector(f".band >> text={incident_id}", timeout=WAIT_MS)
    assert await fire.page.evaluate("window.tocsin.stream.lastId") != held
    assert fire.errors == []


def _pid_of(port: int) -> int:
    """The process that listens on a port."""
    for c in psutil.net_connections("tcp"):
        if c.status == psutil.CONN_LISTEN and c.laddr.port == port and c.pid:
            return int(c.pid)
    raise AssertionError(f"nobody listens on {port}")


async def test_a_wrong_token_is_told_in_words(county: Deployment, browser: Browser) -> None:
    """The form says what is wrong and what to do, and shows no board."""
    page = await (await browser.new_context(locale="zh-CN")).new_page()
    await page.goto(county.console)
    await page.fill("dialog[open] input[name=token]", "no-token")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("dialog .wrong >> text=令牌无效", timeout=WAIT_MS)
    assert not await page.is_visible("#board")
