"""The text model: trained from a user's file, kept as plain numbers, refused where it is not what it says."""

import csv
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tocsin.cli import build
from tocsin.policy.load import load_policy
from tocsin.text.data import FileInvalid, Labelled, read_labelled
from tocsin.text.features import BLOCK_SHIFT, NO_KEYS, keys_of
from tocsin.text.measure import micros_each, score
from tocsin.text.model import MANIFEST, WEIGHTS, KindModel, ModelInvalid, load_model, open_model, save_model
from tocsin.text.vocabulary import TEXT_MAX, Unordered, Vocabulary

RUN = CliRunner()
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


@pytest.mark.parametrize(
    ("labels", "texts", "why"),
    [
        (["甲"] * 3 + ["乙"] * 3, ["一二", "三四", "五六", "七八", "九十", "百千"], "nothing stands in three rows"),
        (["甲"] * 6, ["路灯坏了"] * 6, "two labels"),
        (["甲"] * 4 + ["乙"] * 2, ["路灯坏了"] * 6, "3 rows or more"),
        ([f"甲{i}" for i in range(91)] * 3, ["路灯坏了"] * 273, "fewer, larger classes"),
    ],
)
def test_rows_that_nothing_can_be_learned_from_say_why(labels: list[str], texts: list[str], why: str) -> None:
    """Nothing in common, one label, a label with two rows, too many labels: one clear error, no model."""
    pytest.importorskip("sklearn", reason="training needs the extra 'train'")
    from tocsin.text.train import train  # noqa: PLC0415 - see the fixture

    with pytest.raises(FileInvalid, match=why):
        train(Labelled(texts, labels))


def test_labels_become_kinds_of_the_policy(model: Path) -> None:
    """Hotline classes are known by their names; a model of other labels is refused."""
    policy = load_policy(SAMPLE)
    found = KindModel(load_model(model), policy).classify("老板拖欠工资不给")
    assert found is not None
    assert found[0] == "service.labour"
    assert open_model(model, policy)[1] == ""
    assert open_model(None, policy) == (None, "")


@pytest.mark.parametrize("damage", ["bytes", "format", "shape", "manifest", "gone", "order", "idf"])
def test_a_corrupt_or_other_model_is_not_used(model: Path, tmp_path: Path, damage: str) -> None:
    """One wrong byte, another format, wrong shapes, no manifest, rows out of order, features that weigh nothing.

    Refused with the reason, the lexicon goes on alone.
    """
    for name in (WEIGHTS, MANIFEST):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    if damage == "bytes":
        data = bytearray((tmp_path / WEIGHTS).read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / WEIGHTS).write_bytes(data)
    elif damage == "gone":
        (tmp_path / WEIGHTS).unlink()
    elif damage in ("order", "idf"):
        held = dict(np.load(tmp_path / WEIGHTS))
        held |= {"keys": held["keys"][::-1]} if damage == "order" else {"idf": held["idf"] * 0}
        np.savez_compressed(tmp_path / WEIGHTS, **held)
        right = {"weights_sha256": hashlib.sha256((tmp_path / WEIGHTS).read_bytes()).hexdigest()}
        (tmp_path / MANIFEST).write_text(json.dumps(manifest | right))
    else:
        change = {"format": {"format": 99}, "shape": {"features": 12}, "manifest": {"labels": 7}}[damage]
        (tmp_path / MANIFEST).write_text(json.dumps(manifest | change))
    with pytest.raises(ModelInvalid):
        load_model(tmp_path)
    found, reason = open_model(tmp_path, load_policy(SAMPLE))
    assert found is None
    assert "lexicon alone" in reason


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (None, "there is no model in"),
        ("{", "manifest.json is no JSON"),
        ('{"format": 2}', "is of another version (format 2); this Tocsin reads format 3"),
        ('{"format": 3, "weights_sha256": "0"}', "corrupt or mixed up"),
    ],
)
def test_why_a_model_is_not_used_is_said_with_the_mend(tmp_path: Path, manifest: str | None, said: str) -> None:
    """In a person's words: none there, no manifest, of another version, mixed up; and how to make it anew."""
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
        (tmp_path / WEIGHTS).write_bytes(b"")
    _, reason = open_model(tmp_path, load_policy(SAMPLE))
    assert said in reason
    assert f"`tocsin train FILE --output {tmp_path}`" in reason


def test_a_model_is_written_and_looked_for_in_the_data_directory(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`train` and `evaluate` without a path go by TOCSIN_DATA_DIR, as every command does, and say what comes next."""
    pytest.importorskip("sklearn", reason="training needs the extra 'train'")
    monkeypatch.setenv("TOCSIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    trained = RUN.invoke(build("train"), ["train", str(labelled)])
    assert trained.exit_code == 0, trained.output
    assert (tmp_path / "data" / "model" / WEIGHTS).is_file()
    assert not (tmp_path / ".tocsin").exists()
    assert f"tocsin up --model {tmp_path / 'data' / 'model'}" in trained.stdout
    measured = RUN.invoke(build("evaluate"), ["evaluate", str(labelled), "--json"])
    assert json.loads(measured.stdout)["accuracy"] == 1.0


@given(st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=())))
def test_features_take_any_text(text: str) -> None:
    """Lone surrogates, NULs, one letter, none: keys of the three blocks, never an exception, also with none known."""
    assert (keys_of(text) >> BLOCK_SHIFT < 3).all()
    assert len(NOTHING.found(text).rows) == 0


NOTHING = Vocabulary.known(np.array([7], dtype=np.uint32), np.ones(1))


def test_a_features_row_is_its_own_and_what_is_unknown_has_none() -> None:
    """Every key of a large vocabulary is found at its row, as often as it is said; no other text is taken for it."""
    drawn = np.random.default_rng(3).integers(0, 3 << BLOCK_SHIFT, size=300_000, dtype=np.uint32)
    text = "路灯坏了 没人修 路灯坏了"
    mine = np.setdiff1d(keys_of(text), NO_KEYS)
    keys = np.union1d(drawn, mine)
    vocabulary = Vocabulary.known(keys, np.ones(len(keys)))
    assert len(keys) - len(vocabulary.keys) < 300  # those that find no place
    found = vocabulary.found(text)
    assert set(vocabulary.keys[found.rows].tolist()) == set(mine.tolist()) & set(vocabulary.keys.tolist())
    times = {int(k): (keys_of(text) == k).sum() for k in mine}
    said = {int(vocabulary.keys[r]): s for r, s in zip(found.rows, found.said, strict=True)}
    assert said == {k: pytest.approx(1 + math.log(times[k])) for k in said}
    without = Vocabulary.known(np.setdiff1d(keys, mine), np.ones(len(np.setdiff1d(keys, mine))))
    assert len(without.found(text).rows) == 0


def test_each_block_has_its_own_length() -> None:
    """A letter ten times as long does not weigh more: letters and words count 1, the opening 0.7, whatever was said."""
    text = "小区 物业 收费 太高 " * 30
    keys = np.setdiff1d(keys_of(text), NO_KEYS)
    vocabulary = Vocabulary.known(keys, np.ones(len(keys)))
    found = vocabulary.found(text)
    values = found.weighed(vocabulary.idf[found.rows])
    block = vocabulary.keys[found.rows] >> BLOCK_SHIFT
    assert [float((values[block == b] ** 2).sum()) ** 0.5 for b in range(3)] == pytest.approx([1.0, 1.0, 0.7], 1e-3)


def test_keys_in_another_order_are_refused() -> None:
    """A weights file whose rows were shuffled would give each feature another's weights: it is no vocabulary."""
    keys = Vocabulary.known(np.arange(100, 200, dtype=np.uint32), np.ones(100)).keys
    with pytest.raises(Unordered):
        Vocabulary(keys[::-1].copy(), np.ones(100, dtype=np.float32))
    with pytest.raises(Unordered):
        Vocabulary(np.repeat(keys[:1], 2), np.ones(2, dtype=np.float32))


def test_a_vocabulary_keeps_what_most_texts_have() -> None:
    """Three texts or more; where that is too much, what stands in the most."""
    texts = ["路灯坏了", "路灯坏了", "路灯坏了", "路灯亮着", "物业"]
    whole, few = Vocabulary.of(texts, 1_000), Vocabulary.of(texts, 8)
    assert len(whole.found("路灯坏了").rows) == 18  # nine runs, and the same in the opening
    assert len(whole.found("亮着物业").rows) == 0
    assert len(few.found("路灯坏了").rows) == len(few.keys) == 6  # 路, 灯, 路灯: in four texts


def test_scoring_time_is_linear_in_length(model: Path) -> None:
    """Sixteen times the text takes well under thirty-two times as long (growth with the square would take 256)."""
    classifier = load_model(model)
    words = "小区物业乱收费，路灯坏了没有人修，希望有关部门尽快处理一下，谢谢" * 300
    assert micros_each(classifier.best, words, 16 * 200) < 32 * micros_each(classifier.best, words, 200)
    assert TEXT_MAX >= 16 * 200


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


def test_evaluate_says_how_good_and_how_quick(model: Path, labelled: Path) -> None:
    """n, accuracy and macro-F1 of a kept model, the processor time a text takes, the version that was measured."""
    ran = RUN.invoke(build("evaluate"), ["evaluate", str(labelled), "--model", str(model), "--json"])
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert {k: said[k] for k in ("n", "accuracy", "macro_f1")} == {"n": 72, "accuracy": 1.0, "macro_f1": 1.0}
    assert said["version"] == load_model(model).version
    assert set(said["us_by_characters"]) == {"60", "600", "60 in words"}


def test_evaluate_trains_without_each_part_in_turn(labelled: Path) -> None:
    """Parts are of nearly one size and together all rows; the mean and the least are theirs; no model is asked for."""
    pytest.importorskip("sklearn", reason="training needs the extra 'train'")
    ran = RUN.invoke(build("evaluate"), ["evaluate", str(labelled), "--folds", "5", "--seed", "3", "--json"])
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    parts = said["folds"]
    assert sorted(p["n"] for p in parts) == [14, 14, 14, 15, 15]
    assert said["n"] == 72
    for key in ("accuracy", "macro_f1"):
        each = [p[key] for p in parts]
        assert said[key] == pytest.approx(sum(each) / 5, abs=1e-5)
        assert said["least"][key] == min(each)
    assert said["accuracy"] > 0.9


def test_more_parts_than_rows_are_refused(labelled: Path) -> None:
    """One line with its mend, for one part too."""
    for parts in ("73", "1"):
        ran = RUN.invoke(build("evaluate"), ["evaluate", str(labelled), "--folds", parts])
        assert ran.exit_code != 0
        assert "part" in str(ran.exception) or "part" in ran.output
