"""The 120 centre on the console: a mission from the call to the hospital by keys alone, in a real Chromium."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Request

from tests.e2e.readers import free_fleet
from tests.e2e.test_console import WAIT_MS, Desk, _pid_of, browser, desk, pytestmark
from tests.support import advance, eventually
from tocsin.cli.deployment import Deployment

__all__ = ["browser", "pytestmark"]


async def patient(county: Deployment, text: str = "我爸胸口疼得厉害，喘不上气") -> str:
    """A call on 120 from a place of its own; answers its incident's mission."""
    call_id = f"centre-{uuid.uuid4().hex[:12]}"
    point = {"lon": 112.30 + (uuid.uuid4().int % 900) / 4500, "lat": 29.20 + (uuid.uuid4().int % 900) / 4500}
    body = {
        "call_id": call_id,
        "line": "120",
        "text": text,
        "caller": {"number": f"1380000{uuid.uuid4().int % 10**4:04}"},
    }
    async with county.async_client("intake", "ems_dispatcher") as http:
        answer = await http.post("/v1/calls", json=body | {"location": {"point": point | {"crs": "WGS84"}}})
        assert answer.status_code == 202, answer.text

        async def decided() -> list[str]:
            return (await http.get(f"/v1/calls/{call_id}", params={"wait": 30})).json()["incident_ids"]

        incident_id = (await eventually(decided, what="the call's decision"))[0]
    return f"{incident_id}-M1"


async def mission(county: Deployment, mission_id: str) -> dict:
    """The mission as the centre reads it; {} while there is none."""
    async with county.async_client("ems120", "ems_dispatcher") as http:
        answer = await http.get(f"/v1/missions/{mission_id}")
        return answer.json() if answer.status_code == 200 else {}


async def unit_of(county: Deployment, mission_id: str) -> str:
    """The ambulance it was given, once the 120 centre has the patient."""

    async def given() -> str:
        return str((await mission(county, mission_id)).get("unit_id") or "")

    return await eventually(given, what=f"{mission_id} has an ambulance")


@pytest.fixture(autouse=True)
async def fleet(county: Deployment) -> AsyncIterator[None]:
    """Each test begins with the whole fleet, and leaves it whole."""
    await asyncio.to_thread(free_fleet, county)
    yield
    await asyncio.to_thread(free_fleet, county)


async def at_centre(browser: Browser, county: Deployment, mission_id: str, role: str = "ems_dispatcher") -> Desk:
    """A page in the 120 list with this mission chosen, the keys at the list."""
    at = await desk(browser, county, county.tokens[role])
    await at.page.click("#tabs [data-tab=centre]")
    await choose(at.page, mission_id)
    return at


async def choose(page: Page, mission_id: str) -> None:
    """Chooses a mission in the list and goes back to it."""
    await page.fill("#find", mission_id)
    await page.locator(f"#row-{mission_id}").click(timeout=WAIT_MS)
    await page.wait_for_selector(f".card.mission.mine[data-mission='{mission_id}']", timeout=WAIT_MS)
    await page.focus("#queue")


async def stands(page: Page, mission_id: str, state: str) -> None:
    """Waits until the mission's card says this state."""
    await page.wait_for_selector(f"[data-mission='{mission_id}'] .pill[data-mission={state}]", timeout=WAIT_MS)


async def heard(page: Page, words: str) -> None:
    """Waits until it has been told aloud (the log a screen reader speaks from keeps it longer than the eye has it)."""
    await page.wait_for_selector(f"#told p:has-text('{words}')", state="attached", timeout=WAIT_MS)


async def test_a_patient_is_driven_from_the_call_to_the_hospital_by_keys(county: Deployment, browser: Browser) -> None:
    """A 120 call opens a mission live; each step is one key, the hospital is chosen with Enter, and the row goes."""
    at = await desk(browser, county, county.tokens["ems_dispatcher"])
    await at.page.click("#tabs [data-tab=centre]")
    mission_id = await patient(county)
    await choose(at.page, mission_id)
    await stands(at.page, mission_id, "assigned")
    assert "接令时限" in await at.page.inner_text(f"#row-{mission_id}")
    assert "已派" in await at.page.inner_text(".card.mission.mine .weighed")
    for key, state in (("a", "acknowledged"), ("d", "departed"), ("r", "on_scene"), ("p", "with_patient")):
        await at.page.keyboard.press(key)
        await stands(at.page, mission_id, state)
    await at.page.keyboard.press("v")
    await at.page.wait_for_selector("dialog[open] .rankings >> text=南县人民医院", timeout=WAIT_MS)
    await at.page.keyboard.press("Enter")
    await stands(at.page, mission_id, "transporting")
    await at.page.wait_for_selector(".card.mission.mine >> text=送往 南县人民医院", timeout=WAIT_MS)
    await at.page.keyboard.press("h")
    await stands(at.page, mission_id, "at_hospital")
    await at.page.keyboard.press("o")
    await at.page.fill("dialog[open] textarea[name=note]", "心电图已交接")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(".card.mission >> text=已送医院", timeout=WAIT_MS)
    await at.page.wait_for_selector(f"#row-{mission_id}", state="detached", timeout=WAIT_MS)
    assert (await mission(county, mission_id))["outcome"] == "transported"
    assert at.errors == []


async def test_another_ambulance_is_picked_with_one_key(county: Deployment, browser: Browser) -> None:
    """The list of whom one can send begins with the best; a figure sends that one, and nobody is sent twice."""
    mission_id = await patient(county)
    at = await at_centre(browser, county, mission_id)
    await stands(at.page, mission_id, "assigned")
    first = (await mission(county, mission_id))["unit_id"]
    await at.page.keyboard.press("u")
    rows = at.page.locator("dialog[open] .rankings input")
    await rows.first.wait_for(timeout=WAIT_MS)
    offered = [await row.get_attribute("value") for row in await rows.all()]
    assert first not in offered
    async with county.async_client("ems120", "ems_dispatcher") as http:
        weighed = (await http.get(f"/v1/missions/{mission_id}/candidates")).json()
    assert offered[0] == weighed["unit_id"]
    await at.page.keyboard.press("2")
    await at.page.wait_for_selector(f"[data-id={offered[1]}][data-tone=busy]", timeout=WAIT_MS)

    async def sent() -> bool:
        return (await mission(county, mission_id))["unit_id"] == offered[1]

    await eventually(sent, what="the second of the list on its way")
    await at.page.wait_for_selector(f"[data-id={first}][data-tone=good]", timeout=WAIT_MS)
    assert at.errors == []


async def test_an_act_pressed_twice_is_sent_once(county: Deployment, browser: Browser) -> None:
    """Two presses before the answer are one request; a key held down is one act too."""
    mission_id = await patient(county)
    at = await at_centre(browser, county, mission_id)
    await stands(at.page, mission_id, "assigned")
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and "/missions/" in request.url:
            sent.append(request.post_data or "")

    at.page.on("request", note)
    await at.page.evaluate("""() => {
        for (const repeat of [false, false, true, true]) {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true, repeat }));
        }
    }""")
    await stands(at.page, mission_id, "acknowledged")
    assert len(sent) == 1
    assert '"command_id":"console-' in sent[0]
    assert at.errors == []


async def test_steps_pressed_faster_than_they_are_answered_are_all_taken(county: Deployment, browser: Browser) -> None:
    """A hand that knows the keys loses none: each goes when the former has been decided, in the order pressed."""
    mission_id = await patient(county)
    at = await at_centre(browser, county, mission_id)
    await stands(at.page, mission_id, "assigned")
    for key in "adrp":
        await at.page.keyboard.press(key)
    await stands(at.page, mission_id, "with_patient")
    times = (await mission(county, mission_id))["times"]
    assert all(times[step] for step in ("acknowledged", "departed", "arrived", "patient_contact"))
    assert await at.page.locator(".said p[data-tone=bad]").count() == 0
    assert at.errors == []


async def test_refusals_say_why_and_what_to_do(county: Deployment, browser: Browser) -> None:
    """An ambulance that went meanwhile is refused in words; a level by judgement asks for its reason on the form."""
    mission_id, other = await patient(county), await patient(county, "产妇要生了，羊水破了")
    await unit_of(county, other)
    at = await at_centre(browser, county, mission_id)
    await stands(at.page, mission_id, "assigned")
    await at.page.keyboard.press("u")
    wanted = await at.page.locator("dialog[open] .rankings input").first.get_attribute("value", timeout=WAIT_MS)
    async with county.async_client("ems120", "ems_dispatcher") as http:
        body = {"command": "reassign", "unit_id": wanted}
        done = await http.post(f"/v1/missions/{other}/commands", params={"wait": 30}, json=body)
        assert done.status_code == 200, done.text
    await at.page.keyboard.press("Enter")
    await at.page.wait_for_selector(".said p[data-tone=bad] >> text=该车已有任务", timeout=WAIT_MS)
    await at.page.keyboard.press("i")
    await at.page.select_option("dialog[open] select[name=triage]", "III")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector("dialog[open] .wrong >> text=请填写原因", timeout=WAIT_MS)
    await at.page.fill("dialog[open] textarea[name=reason]", "电话复核，症状轻")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(".card.mission.mine >> text=急症", timeout=WAIT_MS)
    await at.page.keyboard.press("i")
    await at.page.select_option("dialog[open] select[name=q_conscious]", "no")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(".card.mission.mine >> text=清醒 否", timeout=WAIT_MS)
    assert (await mission(county, mission_id))["triage"] == "I"
    assert at.errors == []


async def test_a_crew_that_cannot_go_and_one_that_is_silent_are_told(county: Deployment, browser: Browser) -> None:
    """A refusal has its reason and sends the next, silence is told aloud and sends the next, an end has its outcome."""
    mission_id = await patient(county)
    at = await at_centre(browser, county, mission_id)
    await stands(at.page, mission_id, "assigned")
    first = (await mission(county, mission_id))["unit_id"]
    await at.page.keyboard.press("y")
    await at.page.fill("dialog[open] textarea[name=reason]", "车辆故障")
    await at.page.keyboard.press("Control+Enter")
    await heard(at.page, "拒接")
    await at.page.wait_for_selector(".card.mission.mine >> text=已派车 2 次", timeout=WAIT_MS)
    assert (await mission(county, mission_id))["unit_id"] != first
    advance(county, 31)
    await heard(at.page, "未按时接令")
    await at.page.wait_for_selector(".card.mission.mine >> text=已派车 3 次", timeout=WAIT_MS)
    await at.page.focus("#queue")
    await at.page.keyboard.press("e")
    outcomes = await at.page.locator("dialog[open] select[name=outcome] option").all_inner_texts()
    assert "已送医院" not in outcomes
    await at.page.select_option("dialog[open] select[name=outcome]", "cancelled_before")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(".card.mission >> text=出车前取消", timeout=WAIT_MS)
    assert at.errors == []


async def test_what_changes_elsewhere_moves_nothing_under_the_hand(county: Deployment, browser: Browser) -> None:
    """While missions live on, a form keeps its words, a button its focus, and an untouched card its very node."""
    mission_id, other = await patient(county), await patient(county, "老人摔倒，腿骨折了动不了")
    await unit_of(county, other)
    at = await at_centre(browser, county, mission_id)
    await stands(at.page, mission_id, "assigned")
    await at.page.focus(".card.mission.mine [data-act=triage]")
    await at.page.evaluate("document.querySelector('.card.mission.mine').marked = true")
    async with county.async_client("ems120", "ems_dispatcher") as http:
        for command in ("acknowledge", "depart"):
            await http.post(f"/v1/missions/{other}/commands", params={"wait": 30}, json={"command": command})
    await at.page.fill("#find", "")
    await at.page.wait_for_selector(f"#row-{other} .pill[data-mission=departed]", timeout=WAIT_MS)
    assert await at.page.evaluate("document.querySelector('.card.mission.mine').marked")
    await at.page.focus(".card.mission.mine [data-act=triage]")
    async with county.async_client("ems120", "ems_dispatcher") as http:
        await http.post(f"/v1/missions/{mission_id}/commands", params={"wait": 30}, json={"command": "acknowledge"})
    await stands(at.page, mission_id, "acknowledged")
    assert await at.page.evaluate("document.activeElement.dataset.act") == "triage"
    await at.page.keyboard.press("Enter")
    await at.page.fill("dialog[open] textarea[name=reason]", "复核")
    async with county.async_client("ems120", "ems_dispatcher") as http:
        await http.post(f"/v1/missions/{mission_id}/commands", params={"wait": 30}, json={"command": "depart"})
    await stands(at.page, mission_id, "departed")
    assert await at.page.input_value("dialog[open] textarea[name=reason]") == "复核"
    assert at.errors == []


async def test_the_centres_line_resumes_without_a_gap(county: Deployment, browser: Browser) -> None:
    """ems120 is killed: the page says that its missions may be old, resumes where it was, and misses nothing."""
    at = await desk(browser, county, county.tokens["ems_dispatcher"])
    await at.page.click("#tabs [data-tab=centre]")
    await at.page.wait_for_function("() => window.tocsin.centre.lastId", timeout=WAIT_MS)
    asked: list[str] = []
    at.page.on(
        "request",
        lambda r: asked.append(r.headers.get("last-event-id", "")) if r.url.endswith("/ems120/v1/stream") else None,
    )
    # Started anew it may be back before the page has anything to say: the page's way there stays shut until it has.
    await at.page.route("**/ems120/v1/stream", lambda route: route.abort())
    os.kill(_pid_of(int(county.ems120.rsplit(":", 1)[1])), signal.SIGKILL)
    await at.page.wait_for_selector("#centre-down:not([hidden])", timeout=WAIT_MS)
    assert await at.page.is_hidden("#down")
    mission_id = await patient(county)
    await at.page.unroute("**/ems120/v1/stream")
    await at.page.wait_for_selector("#centre-down", state="hidden", timeout=60_000)
    await choose(at.page, mission_id)
    await stands(at.page, mission_id, "assigned")
    assert all(asked)
    assert at.errors == []


@pytest.mark.parametrize("who", ["call_taker", "supervisor", "nanxian-fire"])
async def test_who_may_not_read_missions_sees_nothing_and_asks_for_nothing(
    county: Deployment, browser: Browser, who: str
) -> None:
    """No list, no card, not one request to the centre: what is refused is not asked for."""
    mission_id = await patient(county, "工人从架子上摔下来，流了很多血")
    context = await browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    at = Desk(await context.new_page())
    asked: list[str] = []
    at.page.on("request", lambda r: asked.append(r.url) if "/ems120/" in r.url else None)
    await at.sign_in(county, county.agency_tokens.get(who) or county.tokens[who])
    await at.page.wait_for_selector("#tabs button", timeout=WAIT_MS)
    assert await at.page.locator("#tabs [data-tab=centre]").count() == 0
    if who != "nanxian-fire":
        await at.row(mission_id.rsplit("-", 1)[0])
        await at.page.wait_for_selector(".band", timeout=WAIT_MS)
    for key in ("u", "b", "i"):
        await at.page.keyboard.press(key)
    assert await at.page.locator(".card.mission").count() == 0
    assert await at.page.is_hidden("#fleet")
    assert asked == []
    assert at.errors == []


async def test_ambulances_and_hospitals_are_seen_and_told_by_keys_in_english(
    county: Deployment, browser: Browser
) -> None:
    """B goes to the fleet; an ambulance is taken out of service with its reason; a hospital says its free beds."""
    at = await desk(browser, county, county.tokens["ems_dispatcher"])
    await at.page.keyboard.press("l")
    await at.page.keyboard.press("b")
    await at.page.wait_for_selector("#fleet >> text=Ambulances", timeout=WAIT_MS)
    assert await at.page.evaluate("document.activeElement.dataset.id") == "nanxian-amb-01"
    await at.page.focus("[data-id=nanxian-amb-08]")
    await at.page.keyboard.press("Enter")
    await at.page.focus(".palette [data-act=out_of_service]")
    await at.page.keyboard.press("Enter")
    await at.page.fill("dialog[open] textarea[name=reason]", "tyre")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector("[data-id=nanxian-amb-08] >> text=out of service", timeout=WAIT_MS)
    await at.page.wait_for_function("() => document.activeElement.dataset.id === 'nanxian-amb-08'", timeout=WAIT_MS)
    await at.page.focus("[data-id=nanxian-hosp-tcm]")
    await at.page.keyboard.press("Enter")
    await at.page.focus(".palette [data-act=set_beds]")
    await at.page.keyboard.press("Enter")
    await at.page.fill("dialog[open] input[name=beds]", "a few")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector("dialog[open] .wrong >> text=whole number", timeout=WAIT_MS)
    await at.page.fill("dialog[open] input[name=beds]", "7")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector("[data-id=nanxian-hosp-tcm] >> text=7 beds free", timeout=WAIT_MS)
    assert at.errors == []


async def test_missions_stand_beside_their_incident_and_its_keys_reach_them(
    county: Deployment, browser: Browser
) -> None:
    """In the list of incidents too: the card, the acts of it among all acts, and the keys no task has."""
    mission_id = await patient(county)
    at = await desk(browser, county, county.tokens["commander"])
    await at.row(mission_id.rsplit("-", 1)[0])
    await stands(at.page, mission_id, "assigned")
    await at.page.focus("#queue")
    await at.page.keyboard.press("u")
    await at.page.wait_for_selector("dialog[open] .rankings", timeout=WAIT_MS)
    await at.page.keyboard.press("Escape")
    await at.page.keyboard.press("g")
    await at.page.focus(f".palette [data-id='{mission_id}'][data-act=depart]")
    await at.page.keyboard.press("Enter")
    await stands(at.page, mission_id, "departed")
    assert at.errors == []


async def test_a_patient_without_an_ambulance_stands_first_and_is_told(county: Deployment, browser: Browser) -> None:
    """Where none can go the list says so in red and aloud; the first that is free goes by itself."""
    async with county.async_client("ems120", "ems_dispatcher") as http:
        units = [u["unit_id"] for u in (await http.get("/v1/units")).json()["items"]]
        for unit in units:
            body = {"command": "off_duty"}
            assert (await http.post(f"/v1/units/{unit}/commands", params={"wait": 30}, json=body)).is_success
        at = await desk(browser, county, county.tokens["ems_dispatcher"])
        await at.page.click("#tabs [data-tab=centre]")
        await at.page.wait_for_selector("#fleet >> text=可派 0 辆", timeout=WAIT_MS)
        mission_id = await patient(county)
        await heard(at.page, "没有救护车可派：胸痛心脏急症")
        await at.page.wait_for_selector("#tabs [data-tab=centre] b[data-hot]", timeout=WAIT_MS)
        await choose(at.page, mission_id)
        await stands(at.page, mission_id, "waiting")
        await at.page.keyboard.press("u")
        await at.page.wait_for_selector(".said p[data-tone=bad] >> text=现在没有可派的救护车", timeout=WAIT_MS)
        back = {"command": "on_duty"}
        assert (await http.post(f"/v1/units/{units[0]}/commands", params={"wait": 30}, json=back)).is_success
        await stands(at.page, mission_id, "assigned")
    await at.page.wait_for_selector("#tabs [data-tab=centre] b:not([data-hot])", timeout=WAIT_MS)
    assert at.errors == []


async def test_a_crew_drives_its_own_mission_and_sees_no_other(county: Deployment, browser: Browser) -> None:
    """Signed in with its unit's token: its own patient, the door and the words before it is out, nobody else's.

    Taken off it, the patient is gone from its page.
    """
    mission_id, other = await patient(county), await patient(county, "老人摔倒，腿骨折了动不了")
    unit = await unit_of(county, mission_id)
    at = await desk(browser, county, county.unit_tokens[unit])
    await at.page.click("#tabs [data-tab=centre]")
    await choose(at.page, mission_id)
    await at.page.wait_for_selector("#detail blockquote >> text=胸口疼得厉害", timeout=WAIT_MS)
    assert await at.page.locator(".card.mission.mine [data-act=reassign]").count() == 0
    await at.page.keyboard.press("a")
    await stands(at.page, mission_id, "acknowledged")
    await at.page.fill("#find", "")
    await at.page.wait_for_selector(f"#row-{mission_id}", timeout=WAIT_MS)
    assert await at.page.locator(f"#row-{other}").count() == 0
    await at.page.focus("#queue")
    await at.page.keyboard.press("y")
    await at.page.fill("dialog[open] textarea[name=reason]", "车辆故障")
    await at.page.keyboard.press("Control+Enter")
    await at.page.wait_for_selector(f"#row-{mission_id}", state="detached", timeout=WAIT_MS)
    assert (await mission(county, mission_id))["unit_id"] != unit
    await at.page.wait_for_selector("#detail blockquote", state="detached", timeout=WAIT_MS)
    assert at.errors == []


async def test_a_crew_that_is_out_sees_the_incident_too(county: Deployment, browser: Browser) -> None:
    """From the departure on the whole incident stands where the mission stood alone."""
    mission_id = await patient(county)
    unit = await unit_of(county, mission_id)
    at = await desk(browser, county, county.unit_tokens[unit])
    await at.page.click("#tabs [data-tab=centre]")
    await choose(at.page, mission_id)
    for key, state in (("a", "acknowledged"), ("d", "departed")):
        await at.page.keyboard.press(key)
        await stands(at.page, mission_id, state)
    await at.page.wait_for_selector(".band [data-key=more]", timeout=WAIT_MS)
    await at.page.wait_for_selector(".card.mission.mine", timeout=WAIT_MS)
    assert at.errors == []
