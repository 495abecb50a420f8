"""The text model: trained from a user's file, kept as plain numbers, refused where it is not what it says."""

import csv
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.policy.load import load_policy
from tocsin.text.data import FileInvalid, read_labelled
from tocsin.text.features import blocks
from tocsin.text.measure import score
from tocsin.text.model import MANIFEST, WEIGHTS, Classifier, KindModel, ModelInvalid, load_model, open_model, save_model

SAMPLE = Path(__file__).resolve().parents[3] / "policy" / "nanxian"
MATTERS = {
    "城乡建设": "小区 物业 收费 太高 路灯 坏 了 没人 修",
    "教育文体": "学校 老师 补课 收费 学区 怎么 划分",
    "劳动和社会保障": "老板 拖欠 工资 社保 没有 交 工伤 认定",
}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file of made-up matters, each in many orders of its words."""
    file = tmp_path_factory.mktemp("labelled") / "rows.csv"
    with file.open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f)
        out.writerow(["text", "department_class"])
        for label, words in MATTERS.items():
            parts = words.split()
            for i in range(24):
                out.writerow([" ".join(parts[i % len(parts) :] + parts[: i % len(parts)] + [f"第{i}次"]), label])
    return file


@pytest.fixture(scope="module")
def model(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model trained on it."""
    pytest.importorskip("sklearn", reason="training needs the extra 'train'")
    from tocsin.text.train import train  # noqa: PLC0415 - only where the extra is there

    place = tmp_path_factory.mktemp("model")
    save_model(train(read_labelled(labelled)), place)
    return place


def test_a_trained_model_tells_its_classes_apart(model: Path, labelled: Path) -> None:
    """Scored by plain numbers, with and without blanks between the words, sure of what it was shown."""
    classifier, data = load_model(model), read_labelled(labelled)
    assert score(data.labels, [classifier.best(t)[0] for t in data.texts]).accuracy == 1.0
    label, sure = classifier.best("老板拖欠工资不给")
    assert label == "劳动和社会保障"
    assert 0.4 < sure <= 1.0
    assert (model / WEIGHTS).stat().st_size <= 20 * 1024 * 1024


def test_training_again_gives_the_same_version(model: Path, labelled: Path, tmp_path: Path) -> None:
    """The version is a hash of what was learned: the same rows, the same version."""
    from tocsin.text.train import train  # noqa: PLC0415 - see the fixture

    assert save_model(train(read_labelled(labelled)), tmp_path) == load_model(model).version


def test_labels_become_kinds_of_the_policy(model: Path) -> None:
    """Hotline classes are known by their names; a model of other labels is refused."""
    policy = load_policy(SAMPLE)
    found = KindModel(load_model(model), policy).classify("老板拖欠工资不给")
    assert found is not None
    assert found[0] == "service.labour"
    assert open_model(model, policy)[1] == ""
    assert open_model(None, policy) == (None, "")


@pytest.mark.parametrize("damage", ["bytes", "format", "shape", "manifest", "gone"])
def test_a_corrupt_or_other_model_is_not_used(model: Path, tmp_path: Path, damage: str) -> None:
    """One wrong byte, another format, wrong shapes, no manifest: refused with the reason, the lexicon goes on alone."""
    for name in (WEIGHTS, MANIFEST):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    if damage == "bytes":
        data = bytearray((tmp_path / WEIGHTS).read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / WEIGHTS).write_bytes(data)
    elif damage == "gone":
        (tmp_path / WEIGHTS).unlink()
    else:
        change = {"format": {"format": 99}, "shape": {"bits": 12}, "manifest": {"labels": 7}}[damage]
        (tmp_path / MANIFEST).write_text(json.dumps(manifest | change))
    with pytest.raises(ModelInvalid):
        load_model(tmp_path)
    found, reason = open_model(tmp_path, load_policy(SAMPLE))
    assert found is None
    assert "lexicon alone" in reason


@given(st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=())))
def test_features_take_any_text(text: str) -> None:
    """Lone surrogates, NULs, one letter, none: buckets within the table, never an exception."""
    for block in blocks(text, 16):
        assert ((block.buckets >= 0) & (block.buckets < 1 << 16)).all()
        assert (block.weights >= 1).all()


def cpu_us(classifier: Classifier, text: str) -> float:
    """Least processor time of a scoring, in microseconds."""
    best = float("inf")
    for _ in range(30):
        before = time.process_time_ns()
        for _ in range(20):
            classifier.best(text)
        best = min(best, (time.process_time_ns() - before) / 20_000)
    return best


def test_scoring_time_is_linear_in_length(model: Path) -> None:
    """Sixteen times the text takes well under thirty-two times as long (growth with the square would take 256)."""
    classifier = load_model(model)
    text = "小区物业乱收费，路灯坏了没有人修，希望有关部门尽快处理一下，谢谢"
    assert cpu_us(classifier, text * 16) < 32 * cpu_us(classifier, text)


@pytest.mark.parametrize(
    "content", [b"", b"text\n", b"text,kind\n", b"text,kind\nonly\n", b"\xff\xfe", b"text,kind\na,\n"]
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, content: bytes) -> None:
    """Missing columns, missing labels, no rows, no UTF-8: one clear error."""
    file = tmp_path / "rows.csv"
    file.write_bytes(content)
    with pytest.raises(FileInvalid):
        read_labelled(file)


def test_the_score_is_the_usual_one() -> None:
    """Accuracy and the mean of the classes' F1, by hand."""
    found = score(["a", "a", "b", "b"], ["a", "b", "b", "b"])
    assert found.n == 4
    assert found.accuracy == 0.75
    assert found.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
