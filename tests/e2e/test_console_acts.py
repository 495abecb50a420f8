"""Every act of a dispatcher on the console, by keys alone, in a real Chromium on a whole deployment."""

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Route

from tests.e2e.test_console import WAIT_MS, Desk, _pid_of, browser, desk, pytestmark, shown
from tests.support import eventually
from tocsin.cli.deployment import Deployment

__all__ = ["browser", "pytestmark"]
ASKS_NOTHING = ("acknowledge", "accept", "arrive", "resume")


async def send(county: Deployment, role: str, line: str, text: str, address: str = "") -> str:
    """A call on a line; answers its incident."""
    call_id = f"acts-{uuid.uuid4().hex[:12]}"
    # A place of its own for each call, so that no rule links two tests' matters.
    point = {"lon": 112.30 + (uuid.uuid4().int % 900) / 4500, "lat": 29.20 + (uuid.uuid4().int % 900) / 4500}
    body = {"call_id": call_id, "line": line, "text": text, "caller": {"number": f"138{uuid.uuid4().int % 10**8:08}"}}
    body |= {"location": {"address": address} if address else {"point": point | {"crs": "WGS84"}}}
    async with county.async_client("intake", role) as http:
        answer = await http.post("/v1/calls", json=body)
        assert answer.status_code == 202, answer.text

        async def decided() -> list[str]:
            return (await http.get(f"/v1/calls/{call_id}", params={"wait": 2})).json()["incident_ids"]

        return await shown(county, (await eventually(decided, what="the call's decision"))[0])


async def fire(county: Deployment) -> str:
    """A building on fire in the county's own region; answers its incident."""
    return await send(county, "call_taker", "119", "三楼起火，浓烟很大")


async def choose(at: Desk, act: str) -> None:
    """Opens the list of all acts by its key and takes one with Enter."""
    await at.page.focus("#queue")
    await at.page.keyboard.press("g")
    await at.page.focus(f".palette [data-act={act}]")
    await at.page.keyboard.press("Enter")
    await at.page.wait_for_selector(".palette", state="hidden", timeout=WAIT_MS)
    if act not in ASKS_NOTHING:
        await at.page.wait_for_selector("dialog[open] form", timeout=WAIT_MS)


async def told(at: Desk, words: str) -> None:
    """Waits until the incident's history says so."""
    await at.page.wait_for_selector(f".line >> text={words}", timeout=WAIT_MS)


async def act(county: Deployment, role: str, incident_id: str, body: dict) -> None:
    """An act on an incident by somebody else's hand; returns when it is decided."""
    async with county.async_client("intake", role, seconds=60) as http:
        done = await http.post(f"/v1/incidents/{incident_id}/commands", params={"wait": 20}, json=body)
        assert (done.status_code, done.json()["outcome"]) == (200, "accepted"), done.text


async def state_of(county: Deployment, incident_id: str) -> dict:
    """The incident as the commander reads it."""
    async with county.async_client("notifier", "commander") as http:
        return (await http.get(f"/v1/incidents/{incident_id}")).json()


async def test_the_other_side_is_brought_in_and_it_is_settled_whose_it_is(county: Deployment, browser: Browser) -> None:
    """110 and 12345 join by three-way, the page says it is open, and the hotline's side takes it."""
    incident_id = await send(county, "call_taker", "110", "楼下有人摆摊占道吵起来了")
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(incident_id)
    await choose(at, "three_way")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(".band >> text=三方待商定", timeout=WAIT_MS)
    await choose(at, "settle")
    await at.page.select_option("dialog[open] select[name=agency]", "nanxian-hotline")
    await at.page.keyboard.press("Control+Enter")
    await told(at, "商定由 南县12345政务服务热线")
    assert at.errors == []


async def test_incidents_are_merged_and_split_again(county: Deployment, browser: Browser) -> None:
    """One goes into another, and the calls that came with it come out again."""
    first, second = await fire(county), await fire(county)
    at = await desk(browser, county, county.tokens["commander"])
    for incident_id in (first, second):
        await at.row(incident_id)  # a page that shows it offers it
    await choose(at, "merge")
    await at.page.select_option("dialog[open] select[name=into]", first)
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(f".band >> text=已并入 {first}", timeout=WAIT_MS)
    came = (await state_of(county, first))["calls"][1]["call_id"]
    await at.row(first)
    await at.page.wait_for_selector(f'[data-key^="calls:{came}:"]', timeout=WAIT_MS)
    await choose(at, "split")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector("dialog[open] .wrong >> text=请至少选一项", timeout=WAIT_MS)
    await at.page.check(f"dialog[open] input[value='{came}']")
    await at.page.keyboard.press("Control+Enter")
    await told(at, "拆分到")
    assert (await state_of(county, second))["state"] == "open"
    assert at.errors == []


async def test_a_place_is_corrected_and_a_call_linked_by_hand(county: Deployment, browser: Browser) -> None:
    """A pair of figures that is none is told on the form; a good one moves the place. A call is linked by its id."""
    incident_id, other = await fire(county), await fire(county)
    call_id = (await state_of(county, other))["calls"][0]["call_id"]
    at = await desk(browser, county, county.tokens["call_taker"])
    await at.row(incident_id)
    await choose(at, "correct_location")
    await at.page.fill("dialog[open] input[name=point]", "东经112")
    await at.page.fill("dialog[open] textarea[name=reason]", "来电人更正")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector("dialog[open] .wrong >> text=经度, 纬度", timeout=WAIT_MS)
    await at.page.fill("dialog[open] input[name=point]", "112.41, 29.36")
    await at.page.keyboard.press("Control+Enter")
    await told(at, "地点更正为")
    await choose(at, "link_call")
    await at.page.fill("dialog[open] input[name=call_id]", call_id)
    await at.page.keyboard.press("Control+Enter")
    await told(at, f"来电 {call_id} 并入")
    assert at.errors == []


async def test_a_work_order_waits_runs_on_and_is_extended(county: Deployment, browser: Browser) -> None:
    """What is missing is asked, comes, and the promise is paused, resumed and extended from the console."""
    incident_id = await send(county, "hotline", "12345", "小区停水三天了没人管")
    at = await desk(browser, county, county.tokens["hotline"])
    await at.row(incident_id)
    await choose(at, "request_information")
    await at.page.fill("dialog[open] textarea[name=missing]", "门牌号\n户名")
    await at.page.keyboard.press("Control+Enter")
    await told(at, "一次告知：门牌号、户名")
    await choose(at, "provide_information")
    await at.page.fill("dialog[open] textarea[name=text]", "南华路3号")
    await at.page.keyboard.press("Control+Enter")
    await told(at, "补充材料已收到")
    for act, words in (("pause", "paused"), ("resume", "running"), ("extend_deadline", "running")):
        await choose(at, act)
        if act != "resume":
            await at.page.fill("dialog[open] textarea[name=reason]", "等待来电人")
            await at.page.keyboard.press("Control+Enter")
        await at.page.wait_for_selector(f".limits li[data-state={words}] >> text=办结", timeout=WAIT_MS)
    await told(at, "延期至")
    assert at.errors == []


async def test_the_120_desk_ends_the_matters_of_its_own_line(county: Deployment, browser: Browser) -> None:
    """A call without an incident on 120 is called back and closed by the desk that took it; the end is in words."""
    incident_id = await send(county, "ems_dispatcher", "120", "喂，打错了，不好意思")
    at = await desk(browser, county, county.tokens["ems_dispatcher"])
    await at.row(incident_id)
    for act, field, value in (("call_back", "result", "answered"), ("close_call", "reason", "misdial")):
        await choose(at, act)
        await at.page.select_option(f"dialog[open] select[name={field}]", value)
        await at.page.keyboard.press("Control+Enter")
        await at.page.wait_for_selector("dialog", state="hidden", timeout=WAIT_MS)
    await at.page.wait_for_selector(".band >> text=无效警情", timeout=WAIT_MS)
    assert at.errors == []


async def test_keys_pressed_at_once_after_a_question_ends_are_not_lost(county: Deployment, browser: Browser) -> None:
    """The next question is asked before the browser has told that the former was shut; its answer is still taken."""
    incident_id = await fire(county)
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(incident_id)
    await choose(at, "route")
    await at.page.evaluate("""() => {
        document.querySelector("dialog[open] .end button").click();
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "g", bubbles: true }));
    }""")
    await at.page.focus(".palette [data-act=reclassify]")
    await at.page.keyboard.press("Enter")
    await at.page.wait_for_selector("dialog[open] select[name=kind]", timeout=WAIT_MS)
    assert at.errors == []


async def test_an_act_like_one_under_way_is_neither_dropped_nor_refused(county: Deployment, browser: Browser) -> None:
    """The answer to the first comes late, the second is sent meanwhile: it goes out after it, and both are done."""
    incident_id, answered = await fire(county), asyncio.Event()
    at = await desk(browser, county, county.tokens["commander"])

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await answered.wait()
        await route.fulfill(response=answer)

    await at.page.route("**/commands?wait=*", late, times=1)
    await at.row(incident_id)
    for agency in ("nanxian-power", "nanxian-water"):
        await choose(at, "route")
        await at.page.select_option("dialog[open] select[name=agency]", agency)
        await at.page.keyboard.press("Control+Enter")
        if agency == "nanxian-power":
            await told(at, "派给 国网")
    answered.set()
    await told(at, "派给 南县自来水")
    assert at.errors == []


async def test_ones_own_act_is_no_reason_to_refuse_the_next(county: Deployment, browser: Browser) -> None:
    """The page has not read the incident again since the first act; the second is not somebody else's conflict."""
    incident_id, read = await fire(county), asyncio.Event()
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(incident_id)

    async def later(route: Route) -> None:
        await read.wait()
        await route.continue_()

    await at.page.route(f"**/v1/incidents/{incident_id}", later)
    for n, words in enumerate(("云梯车已到", "水带已铺好"), 1):
        await choose(at, "note")
        await at.page.fill("dialog[open] textarea[name=text]", words)
        await at.page.keyboard.press("Control+Enter")
        await at.said("已记录：备注", n)
    read.set()
    await told(at, "水带已铺好")
    assert at.errors == []


async def test_a_row_drawn_anew_under_the_finger_is_still_pressed(county: Deployment, browser: Browser) -> None:
    """News of an incident between the press on its row and the release does not swallow the click."""
    incident_id, read = await fire(county), asyncio.Event()
    at = await desk(browser, county, county.tokens["commander"])
    await at.page.fill("#find", incident_id)
    await at.page.locator(f"#row-{incident_id}").hover(timeout=WAIT_MS)

    async def later(route: Route) -> None:
        await read.wait()
        await route.continue_()

    await at.page.route(f"**/v1/incidents/{incident_id}", later)
    async with at.page.expect_response(f"**/v1/incidents/{incident_id}", timeout=WAIT_MS) as answer:
        await act(county, "commander", incident_id, {"command": "note", "text": "有人被困"})
        await at.page.mouse.down()
        read.set()
    await (await answer.value).finished()
    await at.drawn()
    await at.page.mouse.up()
    await at.page.wait_for_selector(f".band >> text={incident_id}", timeout=WAIT_MS)
    assert at.errors == []


async def test_the_history_knows_no_more_than_the_incident_above_it(county: Deployment, browser: Browser) -> None:
    """Read a moment before its history, an incident is read again first: no act is offered on what is no more."""
    # No ambulance: nobody but the test changes it.
    incident_id, read = await send(county, "call_taker", "110", "楼上邻居吵架，声音很大"), asyncio.Event()
    former = json.dumps(await state_of(county, incident_id))
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(incident_id)
    await told(at, "110 来电已记录")
    stale = [True]

    async def behind(route: Route) -> None:
        if stale and stale.pop():
            return await route.fulfill(body=former, content_type="application/json")
        await read.wait()
        return await route.continue_()

    await at.page.route(f"**/v1/incidents/{incident_id}", behind)
    async with at.page.expect_response(f"**/v1/incidents/{incident_id}/events", timeout=WAIT_MS) as answer:
        change = {"command": "reclassify", "kind": "fire.vehicle", "reason": "是车"}
        await act(county, "commander", incident_id, change)
    assert "Reclassified" in await (await answer.value).text()
    await at.drawn()
    assert await at.page.locator(".line >> text=类别更正为").count() == 0
    read.set()
    await told(at, "类别更正为")
    assert "车辆火灾" in await at.page.inner_text(".band h2")
    assert at.errors == []


async def test_nothing_is_chosen_for_a_dispatcher(county: Deployment, browser: Browser) -> None:
    """A list of agencies begins with none: Enter alone sends a task to nobody. A kind begins with the present one."""
    incident_id = await fire(county)
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(incident_id)
    await choose(at, "route")
    assert await at.page.input_value("dialog[open] select[name=agency]") == ""
    await at.page.keyboard.press("Control+Enter")
    assert await at.page.is_visible("dialog[open] select[name=agency]")
    await at.page.keyboard.press("Escape")
    await choose(at, "reclassify")
    assert await at.page.input_value("dialog[open] select[name=kind]") == "fire.building"


@pytest.fixture
async def frozen(county: Deployment) -> AsyncIterator[int]:
    """The notifier's process, running again whatever the test came to."""
    pid = _pid_of(int(county.notifier.rsplit(":", 1)[1]))
    yield pid
    os.kill(pid, signal.SIGCONT)


async def test_a_service_that_stands_still_is_told(county: Deployment, browser: Browser, frozen: int) -> None:
    """A stopped notifier keeps its connections open; the page says all the same that its list may be old."""
    at = await desk(browser, county, county.tokens["commander"])
    os.kill(frozen, signal.SIGSTOP)
    await at.page.wait_for_selector("#link[data-state=down]", timeout=WAIT_MS)
    await at.page.wait_for_selector("#down:not([hidden])", timeout=WAIT_MS)
    os.kill(frozen, signal.SIGCONT)
    await at.page.wait_for_selector("#link[data-state=on]", timeout=WAIT_MS)
    incident_id = await fire(county)
    await at.row(incident_id)
    assert at.errors == []


async def test_a_reload_keeps_the_place_and_what_was_not_seen(county: Deployment, browser: Browser) -> None:
    """After a reload the same incident is open, and a new one that nobody looked at still rings."""
    at = await desk(browser, county, county.tokens["commander"])
    chosen = await fire(county)
    await at.row(chosen)
    await at.page.wait_for_selector(f".band >> text={chosen}", timeout=WAIT_MS)
    await at.page.fill("#find", "")
    await fire(county)
    await at.page.wait_for_selector("#alarm:not([hidden])", timeout=WAIT_MS)
    await at.page.reload()
    await at.page.wait_for_selector(f".band >> text={chosen}", timeout=WAIT_MS)
    await at.page.wait_for_selector("#alarm:not([hidden])", timeout=WAIT_MS)
    assert at.errors == []


async def test_what_a_caller_said_is_not_lost_by_a_slip(county: Deployment, browser: Browser) -> None:
    """A click beside the form does not close it; Escape keeps what was written, and the key brings it back."""
    at = await desk(browser, county, county.tokens["call_taker"])
    await at.page.keyboard.press("n")
    await at.page.fill("dialog[open] textarea[name=text]", "桥头有人落水")
    await at.page.mouse.click(5, 400)
    assert await at.page.is_visible("dialog[open] textarea[name=text]")
    await at.page.keyboard.press("Escape")
    await at.said("已保留")
    await at.page.keyboard.press("n")
    assert await at.page.input_value("dialog[open] textarea[name=text]") == "桥头有人落水"


async def test_an_alarm_moves_nothing_from_under_the_pointer(county: Deployment, browser: Browser) -> None:
    """When a new incident comes in, the row pointed at and the buttons of the open one stay where they are."""
    held = await send(county, "call_taker", "110", "楼上邻居吵架，声音很大")
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(held)
    await at.page.fill("#find", "")
    await at.page.locator(f"#row-{held}").hover(timeout=WAIT_MS)
    button = at.page.locator(".band [data-key=more]")
    before = await button.bounding_box(), await at.page.locator(f"#row-{held}").bounding_box()
    await fire(county)
    await at.page.wait_for_selector("#alarm:not([hidden])", timeout=WAIT_MS)
    assert (await button.bounding_box(), await at.page.locator(f"#row-{held}").bounding_box()) == before


async def test_after_an_act_the_keys_go_on_at_the_incident(county: Deployment, browser: Browser) -> None:
    """A question answered from a button leaves the focus on that button, not on nothing."""
    incident_id = await fire(county)
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(incident_id)
    await at.page.focus(".band [data-act=note]")
    await at.page.keyboard.press("Enter")
    await at.page.fill("dialog[open] textarea[name=text]", "已通知")
    await at.page.keyboard.press("Control+Enter")
    await told(at, "已通知")
    assert await at.page.evaluate("document.activeElement.dataset.act") == "note"


async def test_a_policy_put_in_force_meanwhile_is_told_and_its_names_are_used(
    county: Deployment, browser: Browser
) -> None:
    """A page that was opened under another policy learns the new one's names by itself, and says that it is another."""
    incident_id = await fire(county)
    page = await (await browser.new_context(viewport={"width": 1500, "height": 900}, locale="zh-CN")).new_page()

    async def former(route: Route) -> None:
        held = await (await route.fetch()).json()
        agencies = [a | {"label": "旧名"} if a["id"] == "nanxian-fire" else a for a in held["agencies"]]
        body = json.dumps(held | {"policy": "sha256:0", "agencies": agencies})
        await route.fulfill(body=body, content_type="application/json")

    noticed = asyncio.Event()

    async def not_yet(route: Route) -> None:
        held = await (await route.fetch()).json()
        body = json.dumps(held if noticed.is_set() else held | {"policy": "sha256:0"})
        await route.fulfill(body=body, content_type="application/json")

    await page.route("**/v1/catalogue", former, times=1)
    await page.route("**/v1/now", not_yet)
    at = Desk(page)
    await at.sign_in(county, county.tokens["commander"])
    await at.row(incident_id)
    await page.wait_for_selector(".band >> text=首接 旧名", timeout=WAIT_MS)
    noticed.set()
    await at.said("新规则已启用")
    await page.unroute_all(behavior="wait")
    await page.wait_for_selector(".band >> text=首接 南县消防救援大队", timeout=WAIT_MS)
    assert at.errors == []


async def test_a_callers_rating_is_seen_as_theirs(county: Deployment, browser: Browser) -> None:
    """The score is a whole one, and it is the caller's word, not an account's."""
    async with county.async_client("intake", "hotline") as http:
        body = {"line": "12345", "text": "路灯坏了", "location": {"address": "浪拔湖镇"}}
        call = (await http.post("/v1/calls", json=body)).json()

        async def decided() -> list[str]:
            return (await http.get(f"/v1/calls/{call['call_id']}", params={"wait": 2})).json()["incident_ids"]

        incident_id = (await eventually(decided, what="the call's decision"))[0]
        await shown(county, incident_id)
        url = f"/v1/progress/{call['call_id']}/rating"
        rated = await http.post(url, params={"code": call["progress_code"]}, json={"score": 4, "text": "来得快"})
        assert rated.status_code in (200, 202), rated.text
    at = await desk(browser, county, county.tokens["hotline"])
    await at.row(incident_id)
    await told(at, "来电人评价 4 分")
    assert await at.page.locator(".line li", has_text="来电人评价").locator("small").inner_text() == "来电人"
    await at.page.wait_for_selector(".band .meta >> text=来电人评价 4 分", timeout=WAIT_MS)


async def test_a_desk_is_told_once_of_a_call_that_alerts_every_holder(county: Deployment, browser: Browser) -> None:
    """A priority that rises alerts three agencies anew; the desk that sees all of them reads one line, not three."""
    incident_id = await send(county, "call_taker", "119", "草地着火，火不大")
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(incident_id)
    for agency in ("nanxian-police", "nanxian-power"):
        await choose(at, "route")
        await at.page.select_option("dialog[open] select[name=agency]", agency)
        await at.page.keyboard.press("Control+Enter")
        await at.page.wait_for_selector(
            f".line >> text={'派给 南县公安局' if 'police' in agency else '派给 国网'}", timeout=WAIT_MS
        )
    await choose(at, "set_priority")
    await at.page.select_option("dialog[open] select[name=priority]", "1")
    await at.page.fill("dialog[open] textarea[name=reason]", "火势蔓延")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(".line >> text=再次提醒 国网", timeout=WAIT_MS)
    said = await at.page.evaluate("window.heard.said")
    assert len([words for words in said if "再次提醒" in words]) == 1


async def test_a_session_that_ends_takes_no_words_with_it(county: Deployment, browser: Browser) -> None:
    """Signing in again lies over the form of a call; what the caller said is there afterwards."""
    at = await desk(browser, county, county.tokens["call_taker"])
    await at.page.keyboard.press("n")
    await at.page.fill("dialog[open] textarea[name=text]", "河里有人呼救")
    await at.page.context.clear_cookies()
    await at.page.evaluate("window.tocsin.stream.drop()")
    await at.page.fill("dialog[open] input[name=token]", county.tokens["call_taker"], timeout=WAIT_MS)
    await at.page.keyboard.press("Enter")
    await at.page.wait_for_selector("#link[data-state=on]", timeout=WAIT_MS)
    await at.page.keyboard.press("n")
    assert await at.page.input_value("dialog[open] textarea[name=text]") == "河里有人呼救"
    assert at.errors == []


async def test_units_an_agency_has_named_are_offered_again(county: Deployment, browser: Browser) -> None:
    """An id is typed once: the next incident offers it to press, and another may still be typed beside it."""
    first, second = await fire(county), await fire(county)
    unit = f"消防-{uuid.uuid4().hex[:5]}"
    at = await desk(browser, county, county.agency_tokens["nanxian-fire"])
    for incident_id in (first, second):
        await at.row(incident_id)
        await at.page.focus("#queue")
        await at.page.keyboard.press("a")
        await at.task_state("acknowledged")
        await at.page.keyboard.press("d")
        if incident_id == first:
            await at.page.fill("dialog[open] input[name=unit_ids]", unit)
        else:
            await at.page.fill("dialog[open] input[name=unit_ids]", "消防-新")
            await at.page.focus(f"dialog[open] .known button >> text={unit}")
            await at.page.keyboard.press("Enter")
        await at.page.keyboard.press("Control+Enter")
        await at.task_state("dispatched")
    tasks = (await state_of(county, second))["tasks"]
    assert next(x for x in tasks if x["agency"] == "nanxian-fire")["units"] == ["消防-新", unit]
    assert at.errors == []
