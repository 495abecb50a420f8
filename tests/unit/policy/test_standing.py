"""A policy put in force is followed by services that do not decide by it; one that does not hold changes nothing."""

from pathlib import Path

import pytest

from services.ems120.kernel import EmsKernel
from services.router.policies import Policies
from tocsin.envelope import Command
from tocsin.mission.commands import SeedFleet
from tocsin.mission.fleet import seed_for
from tocsin.mission.state import EmsState
from tocsin.policy.activate import Active, keep_policy, mark_active
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.policy.source import PolicyInvalid, policy_hash
from tocsin.policy.standing import Standing
from tocsin.runtime.settings import Settings

SAMPLE = Path(__file__).resolve().parents[3] / "policy" / "nanxian"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings over the sample."""
    return Settings(data_dir=tmp_path / "data", policy_dir=SAMPLE)


def changed(folder: Path, old: str = "link_at = 0.72", new: str = "link_at = 0.75") -> Path:
    """The sample with one figure changed."""
    folder.mkdir()
    for f in SAMPLE.iterdir():
        (folder / f.name).write_bytes(f.read_bytes())
    text = (folder / "linking.toml").read_text()
    assert old in text
    (folder / "linking.toml").write_text(text.replace(old, new))
    return folder


async def test_what_is_put_in_force_is_followed_and_survives_a_restart(settings: Settings, tmp_path: Path) -> None:
    """By the marker the router writes at the event; each follower is told once; a service started later begins so."""
    standing, told = Standing(settings, "t"), list[Policy]()
    standing.followers.append(told.append)
    policy = load_policy(changed(tmp_path / "p"))
    keep_policy(tmp_path / "p", policy, settings.data_dir)
    Policies(settings.data_dir / "policies", settings.policy_path).activated(policy.hash)
    await standing.look()
    await standing.look()
    assert [p.hash for p in told] == [policy.hash]
    assert Standing(settings, "t").present.hash == policy.hash
    Policies(settings.data_dir / "policies", settings.policy_path).activated(load_policy(SAMPLE).hash)
    await standing.look()
    assert standing.present.hash == load_policy(SAMPLE).hash, "the former one can be put in force again"


async def test_one_that_cannot_be_read_leaves_the_old_in_force(settings: Settings) -> None:
    """A marker that names nothing, and one that is torn: said, and nothing changes."""
    standing = Standing(settings, "t")
    before = standing.present
    folder = settings.data_dir / "policies"
    mark_active(folder, Active(policy="sha256:nothing", over=before.hash))
    await standing.look()
    (folder / "active").write_bytes(b"{torn")
    await standing.look()
    assert standing.present is before


def test_a_broken_policy_is_refused_as_a_whole_and_nothing_is_kept(settings: Settings, tmp_path: Path) -> None:
    """What does not hold is never copied to where owners look."""
    broken = changed(tmp_path / "p", new="link_at = 7.0")
    with pytest.raises(PolicyInvalid):
        load_policy(broken)
    assert not (settings.data_dir / "policies").exists()


async def test_the_120_centre_decides_by_one_policy_a_batch(tmp_path: Path) -> None:
    """Taken over with the next batch, never between a decision and the hash in its events."""
    first, second = load_policy(SAMPLE), load_policy(changed(tmp_path / "p"))
    kernel, state = EmsKernel(first, {}), EmsState()
    command: Command[SeedFleet] = Command(command_id="x", region="430921", data=seed_for(first))
    [facts] = kernel.prepare(state, [(command, 0)])
    kernel.follow(second)
    assert (facts.policy.hash, kernel.policy(state, "430921")) == (first.hash, first.hash)
    [facts] = kernel.prepare(state, [(command, 0)])
    assert (facts.policy.hash, kernel.policy(state, "430921")) == (second.hash, second.hash)


def test_a_policy_broken_on_disk_leaves_what_stood(settings: Settings, tmp_path: Path) -> None:
    """Half an edit, then a crash: whoever comes back goes by the policy that stood, and readiness says why."""
    folder, directory = settings.data_dir / "policies", changed(tmp_path / "p")
    stood = Policies(folder, directory).present
    table = directory / "linking.toml"
    table.write_text(table.read_text().replace("link_at = 0.75", "link_at ="))
    again = Policies(folder, directory)
    assert (again.present.hash, again.reread()) == (stood.hash, None)
    standing = Standing(Settings(data_dir=settings.data_dir, policy_dir=directory), "t")
    assert standing.present.hash == stood.hash
    for said in (again.fault, standing.warning() or ""):
        assert "the former goes on: linking.toml:3: not TOML" in said
        assert f"tocsin policy check {directory}" in said


def test_without_a_former_policy_a_broken_one_is_no_start(settings: Settings, tmp_path: Path) -> None:
    """Nothing stood before, so nothing can go on: refused, with every finding."""
    broken = changed(tmp_path / "p", new="link_at = 7.0")
    with pytest.raises(PolicyInvalid):
        Policies(settings.data_dir / "policies", broken)


def test_a_kept_policy_is_what_its_name_says(tmp_path: Path) -> None:
    """A torn or changed copy is replaced; a directory edited while it is kept is refused, and leaves nothing."""
    policy = load_policy(changed(tmp_path / "p"))
    kept = keep_policy(tmp_path / "p", policy, tmp_path / "data")
    (kept / "kinds.toml").write_text("torn")
    assert policy_hash(keep_policy(tmp_path / "p", policy, tmp_path / "data")) == policy.hash
    (tmp_path / "p" / "kinds.toml").write_text("edited")
    (kept / "kinds.toml").unlink()
    with pytest.raises(OSError, match="was changed while it was read"):
        keep_policy(tmp_path / "p", policy, tmp_path / "data")
    assert [f.name for f in kept.parent.iterdir()] == [kept.name]
