"""A complete study whose proxies are trained stacked on one card: `autoscale run` beside one autoscale.torch.

    python3 bench/gpu/study.py STUDY.yaml --autoscale PATH [--lanes N] [--device cuda]

For studies with an external trainer: the study's command hands its run folder to this program through a spool folder
and waits for the result; all folders that wait are trained together. STUDY.yaml: {spool}, {wait} are filled in.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Hands a run folder over and waits for its result.
WAIT = """#!/bin/sh
name=$(basename "$1")
echo "$1" > "{spool}/$name.tmp" && mv "{spool}/$name.tmp" "{spool}/$name.run"
while [ ! -e "$1/result.json" ]; do
    [ -e "{spool}/$name.failed" ] && exit 1
    sleep 0.2
done
"""


def waiting(spool: Path) -> list[str]:
    """Folders handed over; all that come within a second of each other."""
    found: list[str] = []
    files: list[Path] = []
    while True:
        now = sorted(spool.glob("*.run"))
        if now and now == files:
            break
        files = now
        time.sleep(1.0)
        if not files:
            return []
    for f in files:
        found.append(f.read_text().strip())
        f.unlink()
    return found


def train(folders: list[str], spool: Path, lanes: int, device: str) -> float:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "autoscale.torch", "--device", device, "--lanes", str(lanes), *folders],
        env=env,
        check=False,
    )
    for folder in folders:
        if not Path(folder, "result.json").exists():
            (spool / f"{Path(folder).name}.failed").touch()
    return time.monotonic() - begun


def main() -> int:
    p = argparse.ArgumentParser()
    p.add_argument("study")
    p.add_argument("--autoscale", default="autoscale")
    p.add_argument("--lanes", type=int, default=0)
    p.add_argument("--device", default="cuda")
    p.add_argument("--dir", default="study")
    a = p.parse_args()
    begun = time.monotonic()
    work = Path(a.dir).resolve()
    spool = work.with_name(work.name + ".spool")
    spool.mkdir(parents=True, exist_ok=True)
    wait = spool / "wait.sh"
    wait.write_text(WAIT.replace("{spool}", str(spool)))
    filled = spool / Path(a.study).name
    text = Path(a.study).read_text().replace("{wait}", str(wait)).replace("{data}", str(Path(a.study).resolve().parent))
    filled.write_text(text)
    study = subprocess.Popen([a.autoscale, "run", str(filled), "--dir", str(work)])
    groups = []
    while study.poll() is None:
        folders = waiting(spool)
        if folders:
            seconds = train(folders, spool, a.lanes, a.device)
            groups.append({"runs": len(folders), "seconds": round(seconds, 1)})
            print(f"{len(folders)} runs in {seconds:.0f} s", flush=True)
        time.sleep(0.2)
    print(json.dumps({"exit": study.returncode, "seconds": round(time.monotonic() - begun, 1), "groups": groups}))
    return study.returncode


if __name__ == "__main__":
    sys.exit(main())
