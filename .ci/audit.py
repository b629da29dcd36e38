"""Ask for known vulnerabilities of the pinned packages, at most once a day, and say what was found.

An advisory is news about the world, not about a change: it is printed and never fails a check, so that a change is
judged by what it changes. Without a network nothing can be asked, and that is said.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

LOCKS = [Path("requirements.lock"), Path("requirements-dev.lock")]
REPORT = Path(sys.prefix, "audit.json")
DAY, LONGEST = 86_400, 60


def asked() -> dict:
    """Return the report of pip-audit."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--timeout=10", "--format=json"]
    requirements = [word for lock in LOCKS for word in ("--requirement", str(lock))]
    command = [sys.executable, "-m", "pip_audit", *requirements, *options]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False).stdout
        return json.loads(answer)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {"dependencies": []}


def kept() -> dict | None:
    """Return the report of before, ``None`` if it cannot be read."""
    try:
        report = json.loads(REPORT.read_text(encoding="utf-8"))
        return report if isinstance(report["dependencies"], list) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def main() -> None:
    """Print one line, and one more for each vulnerability."""
    fresh = max(path.stat().st_mtime for path in LOCKS), time.time() - DAY
    report = kept() if REPORT.is_file() and REPORT.stat().st_mtime > max(fresh) else None
    report = report or asked()
    checked = [each for each in report["dependencies"] if "vulns" in each]
    if not checked:
        print("audit: no advisories could be read, so nothing was checked. Is there a network?")
        return
    # Two checks at once, or one that is stopped, leave no half of it. What cannot be kept is asked for again.
    aside = REPORT.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        aside.write_text(json.dumps(report), encoding="utf-8")
        aside.replace(REPORT)
    found = [(each, one) for each in checked for one in each["vulns"]]
    skipped = len(report["dependencies"]) - len(checked)
    rest = f"; {skipped} could not be checked" if skipped else ""
    print(f"audit: {len(checked)} pinned packages, {len(found) or 'no'} known vulnerabilities{rest}.")
    for each, one in found:
        mended = ", ".join(one["fix_versions"]) or "no version yet"
        print(f"audit: WARNING: {each['name']} {each['version']}: {one['id']}, mended in {mended}")


if __name__ == "__main__":
    main()
