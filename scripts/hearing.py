"""Makes `policy/nanxian/hearing.tsv` from our own sentences and the lexicon's words (needs the extra `train`).

python scripts/hearing.py

Learned: two logistic regressions over letters and pairs of letters, one for danger to life, one for the kinds (which
also sees the lexicon's scores and the line). Read: `policy/nanxian/sentences.tsv`, the tuned rows of
`tests/data/danger*.tsv` (never the held ones), the words of `lexicon.toml`, the callers' words of the sample day.
After a change of the file's form take the old one out first: the policy is read here too.
"""

import base64
import csv
import hashlib
import json
import math
import random
import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from tocsin.enrich.ear import plain  # noqa: E402
from tocsin.enrich.enricher import automaton_of  # noqa: E402
from tocsin.enrich.lexicon import alternatives  # noqa: E402
from tocsin.enrich.normal import normalise  # noqa: E402
from tocsin.enrich.slips import Slips  # noqa: E402
from tocsin.enrich.understand import score  # noqa: E402
from tocsin.policy.hearing import FORMAT  # noqa: E402
from tocsin.policy.load import load_policy  # noqa: E402
from tocsin.policy.model import Policy  # noqa: E402

SAMPLE = ROOT / "policy" / "nanxian"
LINES = ["110", "119", "122", "120", "12345"]
CRY_WEIGHT, TOLD_WEIGHT, MATTER_WEIGHT = 0.02, 0.1, 0.02
"""How much a word of the lexicon counts beside a sentence: of danger, of what is no danger, of a plain matter."""
WORD_WEIGHT, LEXICON, LINE, LETTERS = 0.15, 0.5, 2.0, 3.0
PENALTY, KIND_PENALTY = 20.0, 10.0
CLOSE, ROUNDS_MAX = 1e-7, 5_000
"""How near to the best fit the learning goes. At the library's own 1e-4 it stopped after fifteen rounds, far off, and
ten more sentences moved every weight by a third; here some eighty rounds end it."""
SPELLINGS_MAX = 30
NAMED_MAX, GRAMS_MAX = 9_000, 32_000
"""Grams that speak for kinds, and those with the ones that speak for danger alone."""
DANGER = (
    "fire.", "traffic.trapped", "traffic.injury", "crime.inprogress", "crime.domestic", "medical.cardiac",
    "medical.stroke", "medical.trauma", "medical.birth", "medical.poison", "rescue.water", "rescue.suicide",
    "hazmat.leak", "utility.gas", "flood.dyke",
)  # fmt: skip
"""Kinds whose sentences are danger to life where they do not say themselves."""
EITHER = ("rescue.other", "medical.other", "person.missing", "unknown", "invalid.")
"""Kinds whose sentences are that or not."""


VARIED, VARIED_WEIGHT = 1, 0.3
"""How often a sentence is said anew with other people and places, and how much each of these counts about danger."""
PATTERN_MAX, PATTERN_WEIGHT = 200, 0.4
"""How many sentences are made of a pattern, and how much each counts."""
OTHERS = (
    (
        "我爸 我妈 我爸爸 我妈妈 爸爸 妈妈 母亲 父亲 爷爷 奶奶 外公 外婆 老公 老婆 丈夫 "
        "妻子 儿子 女儿 弟弟 哥哥 姐姐 妹妹 叔叔 舅舅 伯伯 姑姑 婆婆 公公 岳父 岳母 孙子 "
        "孙女 外孙 侄子 娭毑 嗲嗲 爹爹 堂客 老倌 我崽 表哥 表弟 嫂子 我老公 我老婆 我儿子 "
        "我女儿 我爷爷 我奶奶 我弟弟 我哥 我姐 我妹 我弟 我爷 我娘 老伴 我嫂子 大伯 二叔 "
        "姨妈 我舅舅"
    ),
    ("孩子 小孩 娃 娃娃 伢子 伢崽 宝宝 小朋友 男孩 女孩 小姑娘 细伢子 小男孩 小女孩 幼儿 婴儿 毛毛 学生 小学生"),
    "老人 老头 老太太 老大爷 老奶奶 老爷子 老汉 大爷 大妈 老婆婆 老人家 大娘",
    (
        "工人 工友 同事 邻居 路人 乘客 司机 师傅 老板 店员 保安 外卖员 室友 同学 朋友 "
        "男朋友 女朋友 小伙子 阿姨 大姐 大哥 老乡 房东 顾客 村民 民工 业主 服务员 环卫工 "
        "快递员 老师 男的 女的 男子 女子"
    ),
    "河里 塘里 水库里 湖里 江里 渠里 沟里 井里 池塘里 水塘里 水里 鱼塘里",
    "一楼 二楼 三楼 四楼 五楼 六楼 七楼 八楼 十楼 顶楼",
    "客厅 卧室 厨房 厕所 阳台 卫生间 房间 堂屋",
    (
        "超市 商场 学校 医院 饭店 网吧 工厂 工地 车站 菜市场 宾馆 酒店 幼儿园 药店 银行 "
        "小卖部 食堂 仓库 公园 广场 理发店 养老院"
    ),
    "刚才 刚刚 今天 现在 早上 中午 晚上 今早 下午",
)
"""What of a sentence about danger may be another of its family without its becoming another matter."""


class Sentence(NamedTuple):
    """`kind` and `danger` where known."""

    kind: str
    line: str
    danger: bool | None
    text: str
    weight: float = 1.0


def danger_of(kind: str) -> bool | None:
    """What a kind says about danger."""
    return None if not kind or kind.startswith(EITHER) else kind.startswith(DANGER)


def said_in(pattern: str) -> list[str]:
    """A sentence; or some of what a pattern with `[a|b]` says, always the same ones."""
    parts = [part.split("|") if i % 2 else [part] for i, part in enumerate(re.split(r"\[([^\[\]]*)\]", pattern))]
    dice = random.Random(pattern)  # noqa: S311 - no secret, and the same each time
    count = min(PATTERN_MAX, math.prod(len(part) for part in parts))
    return list(dict.fromkeys("".join(dice.choice(part) for part in parts) for _ in range(count)))


def own() -> list[Sentence]:
    """The sentences written for learning."""
    found = []
    with (SAMPLE / "sentences.tsv").open(encoding="utf-8", newline="") as f:
        for row in csv.DictReader((x for x in f if not x.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE):
            danger = {"1": True, "0": False}.get(row["danger"], danger_of(row["kind"]))
            weight = PATTERN_WEIGHT if "[" in row["text"] else 1.0
            found += [
                Sentence(row["kind"], row["line"], danger, normalise(text), weight) for text in said_in(row["text"])
            ]
    for name in ("danger.tsv", "danger_fresh.tsv"):
        for line in (ROOT / "tests" / "data" / name).read_text(encoding="utf-8").splitlines():
            cells = line.split("\t")
            if len(cells) == 3 and cells[1] == "tune":  # noqa: PLR2004 - expect, part, text
                found.append(Sentence("", "", cells[0] == "danger", normalise(cells[2])))
    return found


def told(policy: Policy) -> list[Sentence]:
    """The sample day's words and the lexicon's, as short sentences of their kinds."""
    day = tomllib.loads((ROOT / "src/tocsin/day/texts.toml").read_text(encoding="utf-8"))["kind"]
    found = [
        Sentence(kind, "", danger_of(kind), normalise(re.sub(r"\{\w+\}", "", text)))
        for kind, row in day.items()
        if row.get("share", 1.0)  # what no planned day says is not learned from it
        for text in (*row.get("first", []), *row.get("more", []))
        if text.strip()
    ]
    for term in policy.lexicon.terms:
        for word in term.words if term.kind else []:
            if "{" not in word and not word.isascii():
                spelled = alternatives(word.replace("*", "").replace("~", ""))[:SPELLINGS_MAX]
                found += [Sentence(term.kind, "", None, s, WORD_WEIGHT) for s in spelled]
    return found


def cried(policy: Policy) -> list[Sentence]:
    """The lexicon's words of danger, and those that say that there is none, as short sentences about danger."""
    lexicon = policy.lexicon
    found: dict[str, Sentence] = {}
    for term in lexicon.terms:
        weight = CRY_WEIGHT if term.danger else MATTER_WEIGHT if term.kind.startswith("service.") else 0.0
        for word in term.words if weight else []:
            if "{" not in word and not word.isascii():
                for spelled in alternatives(word.replace("*", "").replace("~", ""))[:SPELLINGS_MAX]:
                    found.setdefault(spelled, Sentence("", "", term.danger, spelled, weight))
    for word in (*lexicon.masks, *lexicon.topic, *lexicon.unreal, *lexicon.past):
        if not word.isascii():
            for each in alternatives(word)[:SPELLINGS_MAX]:
                found[each] = Sentence("", "", False, each, TOLD_WEIGHT)
    return list(found.values())


def varied(sentences: list[Sentence]) -> list[Sentence]:
    """What was said about danger, by and of others and elsewhere: who it is and where says nothing by itself."""
    family = {normalise(word): group for group in map(str.split, OTHERS) for word in group}
    names = re.compile("|".join(sorted(family, key=lambda w: (-len(w), w))))
    dice = random.Random(0)  # noqa: S311 - no secret, and the same each time
    found = []
    for s in sentences:
        for _ in range(VARIED if s.danger is not None and s.weight == 1.0 else 0):
            text = names.sub(lambda m: normalise(dice.choice(family[m.group()])), s.text)
            if text != s.text:
                found.append(Sentence("", "", s.danger, text, VARIED_WEIGHT))
    return found


def main() -> None:
    """Learns and writes."""
    policy = load_policy(SAMPLE)
    automaton = automaton_of(policy)
    slips = Slips(policy.lexicon)
    sentences = [s._replace(text=slips.mended(s.text)) for s in (*own(), *told(policy), *cried(policy)) if s.text]
    sentences += varied(sentences)
    kinds = sorted({s.kind for s in sentences if s.kind})
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), binary=True, lowercase=False)
    counted = vectors.fit_transform([plain(s.text) for s in sentences])
    named = [i for i, s in enumerate(sentences) if s.kind in kinds]
    # How rare a gram is, the sentences with a kind say: thousands about danger alone would make all else look rare.
    met = np.asarray((counted[named] > 0).sum(0)).ravel()
    vectors.idf_ = np.log((1 + len(named)) / (1 + met)) + 1
    grams = vectors.transform([plain(s.text) for s in sentences]) * LETTERS
    about = [i for i, s in enumerate(sentences) if s.danger is not None]
    danger = LogisticRegression(C=PENALTY, tol=CLOSE, max_iter=ROUNDS_MAX)
    weights = [sentences[i].weight for i in about]
    danger.fit(grams[about], [sentences[i].danger for i in about], sample_weight=weights)
    seen, lined = np.zeros((len(named), len(kinds))), np.zeros((len(named), len(LINES)))
    for row, i in enumerate(named):
        s = sentences[i]
        if s.line in LINES:
            lined[row, LINES.index(s.line)] = LINE
            for kind, value in score(automaton.find(s.text), s.line, policy.lexicon.absorb).scores.items():
                if kind in kinds:
                    seen[row, kinds.index(kind)] = min(value, 3.0) * LEXICON
    machine = LogisticRegression(C=KIND_PENALTY, tol=CLOSE, max_iter=ROUNDS_MAX)
    machine.fit(
        sparse.hstack([grams[named], seen, lined], "csr"),
        [kinds.index(sentences[i].kind) for i in named],
        sample_weight=[sentences[i].weight for i in named],
    )
    write(vectors, danger, machine, kinds)
    print(f"{len(sentences)} sentences and words, {len(about)} about danger, {len(kinds)} kinds")


def _best(of: Iterable[int], says: npt.NDArray[np.float64], names: Sequence[str], most: int) -> list[int]:
    """Those that say most, by name."""
    best = sorted(of, key=lambda i: (-round(float(says[i]), 6), names[i]))[:most]
    return sorted(best, key=lambda i: names[i])


def write(vectors: TfidfVectorizer, danger: LogisticRegression, machine: LogisticRegression, kinds: list[str]) -> None:
    """The file: grams by how much they say, weights in signed bytes."""
    names, idf = vectors.get_feature_names_out(), vectors.idf_
    size = len(names)
    weights = np.column_stack((danger.coef_[0], machine.coef_[:, :size].T)) * LETTERS
    says = np.abs(weights * idf[:, None])
    fit = [i for i in range(size) if not set(names[i]) & set("\t\r\n#")]
    named = _best(fit, says[:, 1:].max(1), names, NAMED_MAX)
    alone = _best(set(fit).difference(named), says[:, 0], names, GRAMS_MAX - len(named))
    kept = [*named, *alone]
    scales = [float(np.abs(weights[kept][:, cut]).max()) / 127 for cut in (slice(0, 1), slice(1, None))]
    rounded = np.rint(weights / np.array([scales[0]] + [scales[1]] * len(kinds))).clip(-127, 127).astype(np.int8)
    after = machine.coef_[:, size:]
    cells = [rounded[i] if at < len(named) else rounded[i, :1] for at, i in enumerate(kept)]
    body = "".join(
        f"{names[i]}\t{idf[i]:.4f}\t{base64.b64encode(cell.tobytes()).decode()}\n"
        for i, cell in zip(kept, cells, strict=True)
    )
    manifest = {
        "format": FORMAT,
        "kinds": kinds,
        "lines": LINES,
        "named": len(named),
        "unseen": round(float(idf.max()) ** 2, 4),
        "danger_scale": round(scales[0], 8),
        "kind_scale": round(scales[1], 8),
        "words": [[round(float(x) * LEXICON, 3) for x in after[:, k]] for k in range(len(kinds))],
        "of_line": [[round(float(x) * LINE, 3) for x in after[:, len(kinds) + k]] for k in range(len(LINES))],
        "bias": [round(float(x), 4) for x in (danger.intercept_[0], *machine.intercept_)],
        "version": "hearing:" + hashlib.sha256(body.encode()).hexdigest()[:16],
    }
    (SAMPLE / "hearing.tsv").write_text(json.dumps(manifest) + "\n" + body, encoding="utf-8")


if __name__ == "__main__":
    main()
