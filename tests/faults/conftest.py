import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", type=int, default=3, help="how many moments a run is killed at")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--faults", 3)))
