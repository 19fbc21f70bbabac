"""Which descriptor the command line takes and makes, and what it says of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from descr.descriptors import best_descriptor, weights
from descr.descriptors.weights import find
from descr.descriptors.weights.find import explain_auto
from support.models import DINOV2, IMAGES, STABLE_DIFFUSION

FUSED = [
    "--descriptor=fused",
    f"--set=sd.model={STABLE_DIFFUSION}",
    "--set=sd.size=128",
    f"--set=dinov2.model={DINOV2}",
    "--set=dinov2.size=112",
]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the models whose weights are on the machine; a test adds to them."""
    names: set[str] = set()
    for module in (find, weights):
        monkeypatch.setattr(module, "cached", lambda name: name if name in names else None)
    return names


@pytest.mark.parametrize(
    ("cached", "taken", "words"),
    [
        ((), "sift", "embedded, needs no weights; it does not find parts across"),
        (("sd-1.5",), "sift", "adds the best, 0.3 GB"),
        (("dinov2-base",), "dinov2", "on this machine; `descr models pull fused` adds the best"),
        (("dinov2-base", "sd-1.5"), "fused", "its weights are on this machine"),
        (("dinov2-large", "sd-2.1"), "sift", "needs no weights"),
    ],
)
def test_auto_takes_the_best_whose_weights_are_here(
    here: set[str], cached: tuple[str, ...], taken: str, words: str
) -> None:
    here.update(cached)
    name, reason = explain_auto()
    assert name == best_descriptor() == taken
    assert words in reason
    assert ("different objects" in reason) == (name == "sift")


@pytest.mark.parametrize(
    ("cached", "taken"),
    [((), "xfeat"), (("dinov2-base",), "dinov2"), (("dinov2-base", "sd-1.5"), "fused")],
)
def test_auto_takes_xfeat_before_sift_where_its_extra_is_installed(
    here: set[str], cached: tuple[str, ...], taken: str
) -> None:
    here.update((*cached, "xfeat"))
    name, why = explain_auto()
    assert name == taken
    assert "on this machine" in why


def test_a_descriptor_of_an_extra_that_is_missing_is_refused(descr: Any) -> None:
    done = descr("match", "a.png", "b.png", "--descriptor", "xfeat")
    done.refused("weights of 'xfeat' are not installed", 'pip install "descr-sdk[xfeat]"')


def test_the_choice_and_what_more_there_is_are_said(descr: Any, here: set[str]) -> None:
    done = descr("match", "a.png", "b.png")
    assert done.err == (
        "descriptor: sift (embedded, needs no weights; it does not find parts across different "
        "objects; `descr models pull fused` adds the best, 2.5 GB)\n"
    )


def test_a_fusion_is_set_up_by_parts(descr: Any) -> None:
    done = descr("match", *IMAGES, *FUSED, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    part = r"StableDiffusion\(model='local-[0-9a-f]+', [^)]*size=128"
    assert re.search(part, document["descriptor"])
    assert document["matches"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--set=sd.timestop=3"], ["unknown option of sd: 'timestop'", "did you mean 'timestep'"]),
        (["--set=sift.step=3"], ["unknown option of descriptor 'fused': 'sift'"]),
        (["--set=weights=3"], ["weights must be 2 numbers"]),
    ],
)
def test_bad_settings_of_a_part_are_refused(descr: Any, more: list[str], words: list[str]) -> None:
    descr("match", *IMAGES, *FUSED, *more).refused(*words)


def test_a_part_that_is_no_mapping_is_refused(descr: Any) -> None:
    descr("match", *IMAGES, "--descriptor=fused", "--set=sd=3").refused("sd must be the settings")


def test_what_a_descriptor_downloads_is_listed(descr: Any, here: set[str]) -> None:
    here.add("dinov2-base")
    listed = json.loads(descr("descriptors", "--json").out)["descriptors"]
    needs = {entry["name"]: entry["needs"] for entry in listed}
    assert needs["sift"] == ""
    assert needs["dinov2"] == "the weights of dinov2-base (346.4 MB), here"
    assert "sd-1.5 (2.1 GB) and dinov2-base (346.4 MB)" in needs["fused"]
    assert "not here: descr models pull fused" in needs["fused"]


@pytest.mark.parametrize("command", [["extract", "-o", "f"], ["match"]])
def test_a_fusion_takes_a_device(descr: Any, command: list[str]) -> None:
    done = descr(*command, *IMAGES, *FUSED, "--device", "cpu")
    assert done.code == 0, done.err


def test_texts_of_a_part_are_taken_as_they_are(descr: Any) -> None:
    more = ("--set=sd.prompt=a cat, sitting", "--set=sd.layers=decoder_2,decoder_3", "--json")
    done = descr("match", *IMAGES, *FUSED, *more)
    assert done.code == 0, done.err
    message = json.loads(done.out)["descriptor"]
    assert "prompt='a cat, sitting'" in message
    assert sorted(re.findall(r"decoder_\d+", message)) == ["decoder_2", "decoder_3"]


def test_what_auto_took_is_said_before_it_is_made(descr: Any, here: set[str]) -> None:
    done = descr("match", "a.png", "b.png", "--set", "stepp=4")
    done.refused("unknown option of descriptor 'sift'")
    assert done.err.startswith("descriptor: sift (")


BROKEN = {
    "syntax": ("class Class(:\n", ["importing 'broken_syntax' for", "SyntaxError", "line 1"]),
    "name": ("Gone\n", ["importing 'broken_name' for", "NameError: name 'Gone'"]),
    "forward": (
        "from descr.descriptors import SIFT\n"
        "class Class(SIFT):\n"
        "    def extract(self, images):\n"
        "        return 1 / 0\n",
        ["descriptor 'broken_forward:Class' failed: ZeroDivisionError", "--debug"],
    ),
}


@pytest.mark.parametrize("command", [["extract", "-o", "f"], ["match"]])
@pytest.mark.parametrize("fault", BROKEN)
def test_faults_of_a_file_of_the_users_own(descr: Any, command: list[str], fault: str) -> None:
    text, words = BROKEN[fault]
    Path(f"broken_{fault}.py").write_text(text)
    done = descr(*command, "a.png", "b.png", "--descriptor", f"broken_{fault}:Class")
    done.refused(*words)
    assert "internal error" not in done.err


def test_faults_of_a_matcher_of_the_users_own(descr: Any) -> None:
    Path("broken_matcher.py").write_text(
        "from descr.matchers import NearestNeighbor\n"
        "class Class(NearestNeighbor):\n"
        "    def __call__(self, *maps, **options):\n"
        "        return maps[7]\n"
    )
    pair = ("match", "a.png", "b.png", "--set", "size=96", "--descriptor", "sift")
    done = descr(*pair, "--matcher", "broken_matcher:Class")
    done.refused("the matcher 'broken_matcher:Class' failed: IndexError")


@pytest.mark.parametrize("option", ["--descriptor", "--matcher"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit(0)", "importing 'exits' for 'exits:Mine' failed: SystemExit: 0"),
        ("def Mine(): raise SystemExit(0)", "'exits:Mine' can't be made: SystemExit: 0"),
    ],
)
def test_a_module_of_the_user_does_not_end_the_program(
    descr: Any, folder: Path, option: str, code: str, words: str
) -> None:
    (folder / "exits.py").write_text(code)
    descr("match", *IMAGES, option, "exits:Mine").refused(words)
