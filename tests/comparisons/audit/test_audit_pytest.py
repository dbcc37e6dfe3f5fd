"""parametrize_with_checks: one test per check, seen from an inner pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = Path(__file__).parent / "examples"
TEST = """
from comparisons import parametrize_with_checks
from {module} import CoinEM

@parametrize_with_checks(factory=CoinEM, case="two-coins")
def test_my_em(check):
    check()
"""


@pytest.mark.slow
def test_one_test_per_check_and_a_bug_fails_those_of_its_checks(tmp_path: Path) -> None:
    for module in ("coin_em", "coin_em_bug"):
        (tmp_path / f"test_{module}.py").write_text(TEST.format(module=module))
    command = [sys.executable, "-m", "pytest", "-q", "-rfs", "-p", "no:cacheprovider", "-W", "ignore", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{EXAMPLES}", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    told = run.stdout + run.stderr
    failed = {line.split("[")[1].split("]")[0] for line in told.splitlines() if line.startswith("FAILED")}
    assert failed == {"log_likelihood", "expected_counts", "fisher", "m_step", "fixed_point", "other_data"}
    assert "6 failed, 20 passed, 8 skipped" in told
    assert "test_coin_em_bug.py::test_my_em[expected_counts]" in told
    assert "by PyMC's gradient" in told
    assert "an error in the E-step" in told
