#!/usr/bin/env bash
# Build the wheel and import its core in a clean environment that has no torch. Usage: runs/check_wheel.sh BIN
set -euo pipefail
bin=$(cd "${1:-.venv/bin}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bin/python" -m build --wheel --outdir "$work" . >"$work/build.log" 2>&1 || { tail -30 "$work/build.log"; exit 1; }
"$bin/python" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet "$work"/*.whl
cd "$work"
"$work/env/bin/python" - <<'PY'
import importlib, importlib.util, pkgutil
import numpy as np
import anchorpose
for room in ("poses", "files", "sense"):
    package = importlib.import_module(f"anchorpose.{room}")
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
for name in ("torch", "sklearn", "matplotlib", "cv2"):
    assert importlib.util.find_spec(name) is None, f"{name} came along with the core"
people = anchorpose.load()(np.zeros((240, 320, 3), np.uint8))
assert people.to_dict()["format"] == importlib.import_module("anchorpose.poses.values").FORMAT
print("the wheel's core imports and runs without torch")
PY
"$work/env/bin/anchorpose" models
ls -l "$work"/*.whl | awk '{printf "wheel: %.1f MB\n", $5 / 1e6}'
