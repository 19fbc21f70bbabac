"""What the distribution says of itself, and the files at the top of the repository."""

import ast
import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
# Each may import those before it.
FOLDERS = ("descriptors", "matchers", "applications", "cli")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins() -> dict[str, Version]:
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    pairs = [line.split("==") for line in lines]
    assert len({canonicalize_name(name) for name, _ in pairs}) == len(pairs)
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    listed = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    result = [Requirement(line) for line in listed]
    return [requirement for requirement in result if requirement.name != PROJECT["name"]]


def test_the_installed_version_is_that_of_the_project() -> None:
    assert importlib.metadata.version("descr-sdk") == PROJECT["version"]


def test_descr_is_a_namespace_without_a_file() -> None:
    assert getattr(importlib.import_module("descr"), "__file__", None) is None
    assert not (ROOT / "__init__.py").exists()


def test_every_package_is_listed_for_the_wheel() -> None:
    setuptools = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]
    result = {
        ".".join(("descr", *path.parent.relative_to(ROOT).parts))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(setuptools["packages"]) == result


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_package_is_typed(folder: str) -> None:
    assert (ROOT / folder / "py.typed").is_file()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_package_exports_what_it_lists(folder: str) -> None:
    package = importlib.import_module(f"descr.{folder}")
    names = list(package.__all__)
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_package_imports_upwards(folder: str) -> None:
    above = set(FOLDERS[FOLDERS.index(folder) + 1 :])
    for path in sorted((ROOT / folder).rglob("*.py")):
        depth = len(path.relative_to(ROOT / folder).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported = [alias.name.split(".") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                module = (node.module or "").split(".") if node.module else []
                names = [[*module, alias.name] for alias in node.names]
                # `from ..x` in a top module of a package, `from ...x` one folder deeper.
                outside = node.level == depth + 1
                imported = [["descr", *parts] if outside else parts for parts in names]
                if node.level and not outside:
                    continue
            else:
                continue
            for parts in imported:
                if parts[0] == "descr":
                    assert len(parts) == 1 or parts[1] not in above, f"{path}: {'.'.join(parts)}"


def test_what_the_code_imports_is_a_dependency_or_an_extra_that_a_function_asks_for() -> None:
    required = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    optional = {
        canonicalize_name(Requirement(line).name)
        for extra in ("figures", "notebook", "distributed", "search")
        for line in PROJECT["optional-dependencies"][extra]
    } | {"traitlets"}  # which widgets are made of
    distributions = importlib.metadata.packages_distributions()
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [str(node.module)]
            for module in {name.partition(".")[0] for name in modules} - sys.stdlib_module_names:
                names = {canonicalize_name(name) for name in distributions[module]}
                allowed = required | optional if node.col_offset else required
                assert names & allowed, f"{path}: {module}"


def test_every_requirement_is_pinned_at_a_version_that_it_allows() -> None:
    pinned = pins()
    for requirement in requirements():
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_torch_is_pinned_without_a_local_tag_and_so_is_everything_else() -> None:
    assert pins()["torch"] == Version("2.13.0")
    assert [name for name, version in pins().items() if version.local] == []


def test_every_requirement_states_the_lowest_version() -> None:
    for requirement in requirements():
        assert [specifier.operator for specifier in requirement.specifier] == [">="], requirement


def test_what_is_installed_is_what_is_pinned_or_allowed() -> None:
    for line in PROJECT["dependencies"]:
        requirement = Requirement(line)
        installed = Version(importlib.metadata.version(requirement.name))
        assert requirement.specifier.contains(installed, prereleases=True), requirement


def test_the_changelog_has_a_section_for_the_version_or_for_the_next() -> None:
    sections = re.findall(r"^## \[([^\]]+)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert sections[0] == "Unreleased" or sections[0] == PROJECT["version"]


def test_the_licence_is_the_one_that_the_metadata_names() -> None:
    assert read("LICENSE").startswith("MIT License")
    assert importlib.metadata.metadata("descr-sdk")["License-Expression"] == "MIT"


@pytest.mark.parametrize("page", ["README.md", "docs/images/README.md"])
def test_links_into_the_repository_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", read(page))
    local = [link or image for link, image in targets if "://" not in (link or image)]
    for target in local:
        assert (ROOT / page).parent.joinpath(target).exists(), target


def readme_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / ".ci" / "readme-command"
    return subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False
    )


def block(name: str, command: str) -> str:
    return f"Text.\n\n<!-- set-up: {name} -->\n\n```sh\n{command}\n```\n"


def test_the_readme_gives_two_set_up_commands_whose_files_exist() -> None:
    match, tests = readme_command("match"), readme_command("tests")
    assert match.returncode == tests.returncode == 0
    for command in (match.stdout, tests.stdout):
        assert command.startswith("python -m pip install -c constraints.txt ")
    images = re.search(r"descr match (\S+) (\S+) .*-o (\S+)$", match.stdout.strip())
    assert images is not None
    assert (ROOT / images[1]).is_file()
    assert (ROOT / images[2]).is_file()
    assert f"/{images[3]}" in read(".gitignore").splitlines()
    assert re.search(r"&& pytest( |$)", tests.stdout.strip())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found ()"),
        (block("match", "a"), "found ('match',)"),
        (block("match", "a") + block("tests", "b") + block("tests", "c"), "'tests', 'tests'"),
        (block("match", "a") + "<!-- set-up: tests -->\n\nText.\n", "no ```sh block follows"),
        (block("match", "a\nb") + block("tests", "c"), "must be one line"),
        (block("match", "") + block("tests", "c"), "must be one line"),
    ],
)
def test_a_readme_without_exactly_two_commands_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text, encoding="utf-8")
    done = readme_command("match", readme)
    assert done.returncode == 1
    assert done.stdout == ""
    assert says in done.stderr


def test_a_command_is_given_as_it_stands_in_the_readme(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    command = "pip install '.[a]' && b \"c d\""
    readme.write_text(block("match", command) + block("tests", "e"), encoding="utf-8")
    assert readme_command("match", readme).stdout == command + "\n"


@pytest.mark.parametrize("name", ["copy-tree", "readme-command", "run", "typecheck", "wheel-check"])
def test_a_script_can_be_executed(name: str) -> None:
    assert os.access(ROOT / ".ci" / name, os.X_OK)
