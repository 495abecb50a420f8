"""Whom a complaint is about: by the agency's own names, never by where it was or whom it was told to."""

import pytest

from tocsin.enrich import Enricher

POLICE, TRAFFIC = "nanxian-police", "nanxian-traffic"


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("我要投诉派出所民警，态度恶劣", [POLICE]),
        ("我要投诉你们茅草街镇派出所", [POLICE]),
        ("投诉交警", [POLICE, TRAFFIC]),
        ("警察乱罚款，我要投诉", [POLICE]),
        ("人社局的人办事拖拉，我要投诉", ["nanxian-hr"]),
        ("反映了三次，城管局一直不处理，再这样我就投诉到省里", ["nanxian-urban"]),
        ("我对民政局的做法很不满，对民政局要投诉", ["nanxian-civil-affairs"]),
        ("举报环保局包庇污染企业", ["nanxian-ecology"]),
        ("举報環保局包庇污染企業", ["nanxian-ecology"]),
        ("投诉县供电公司停电不通知", ["nanxian-power"]),
        ("反映县民政局低保审批不公", ["nanxian-civil-affairs"]),
        ("举报纪委的人受贿", ["nanxian-inspection"]),
        ("投诉茅草街镇政府不给办证", ["nanxian-town-maocaojie"]),
    ],
)
def test_a_complaint_names_whom_it_is_about(enricher: Enricher, text: str, about: list[str]) -> None:
    """Given a word for complaining and an agency that is blamed, it is that agency, however it is called."""
    assert enricher.understand("12345", "voice", text).against == about


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("警察打人", [POLICE]),
        ("辅警动手打人", [POLICE]),
        ("民警把我打了一顿", [POLICE]),
        ("我被派出所民警推了一把", [POLICE]),
        ("警察态度恶劣，吼老百姓", [POLICE]),
        ("派出所不立案，摩托车丢了一个月", [POLICE]),
        ("交警乱罚款", [POLICE, TRAFFIC]),
        ("城管打人，摊子都掀了", ["nanxian-urban"]),
    ],
)
@pytest.mark.parametrize("line", ["110", "12345"])
def test_conduct_is_a_complaint_without_the_word(enricher: Enricher, line: str, text: str, about: list[str]) -> None:
    """What an agency's own people did is a complaint about them, and no order to them, on 110 as on the hotline."""
    u = enricher.understand(line, "voice", text)
    assert u.against == about
    assert u.kind.startswith("service."), u.kind
    assert (u.priority, u.escalated) == (4, False)


def test_who_is_in_danger_from_them_is_in_danger(enricher: Enricher) -> None:
    """A man beaten senseless is helped by anyone; that it is about the police is still told."""
    u = enricher.understand("110", "voice", "警察在打人，快打死了")
    assert (u.kind, u.priority, u.against) == ("crime.inprogress", 1, [POLICE])


@pytest.mark.parametrize(
    "text",
    [
        "我老公打人，叫警察来",
        "警察叔叔，有人打人",
        "警察来了他还在打人",
        "假警察打人",
        "有人打警察",
        "警察抓打人的那个",
        "警察打电话叫我去一趟",
        "当着警察打人",
        "警察打人犯法吗",
        "我被打了，警察快来",
    ],
)
def test_the_police_only_named_beside_blows_are_not_blamed(enricher: Enricher, text: str) -> None:
    """Called to help, struck themselves, feigned, or asked about in general: no complaint of them."""
    assert enricher.understand("110", "voice", text).against == []


@pytest.mark.parametrize(
    "text",
    [
        "我要投诉邻居家半夜唱歌",
        "举报派出所旁边的饭店油烟扰民",
        "投诉城管局门口的烧烤摊",
        "有人冒充派出所民警，我要举报",
        "我要向派出所举报邻居打人",
        "举报老板拖欠工资，请人社局来查",
        "投诉有人打麻将，警察来过了",
        "派出所在哪里",
        "举报超市120元的东西乱收费",
        "投诉1120路公交车司机态度差",
        "举报公安县来的货车违规",
        "投诉120号楼乱收费",
        "反映派出所门前路灯不亮",
        "向城管局反映过路灯的事",
        "我家停水了，给供水公司打电话也没人接",
        "三楼着火了，快叫消防队",
        "",
    ],
)
def test_an_agency_only_named_is_not_complained_of(enricher: Enricher, text: str) -> None:
    """Where it stands, whom it was told to, who is to help, whom somebody played: none of that is a complaint of it."""
    assert enricher.understand("12345", "voice", text).against == []
