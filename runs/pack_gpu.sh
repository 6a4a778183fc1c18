#!/usr/bin/env bash
# Pack what a bare machine with a GPU and without network needs to render and to train: the program as a wheel with the
# body model in it, wheels of what it depends on, motion capture on the canonical skeleton and as joints, hand poses,
# photos for backgrounds and textures, and the OpenGL loaders of Debian.
#
#   bash runs/pack_gpu.sh                      packs into build/gpu/1, build/gpu/2, ...
#   HAVE=there.txt bash runs/pack_gpu.sh       leave out packages that are there: a file with what `pip freeze` says
#                                              there, or names ("torch numpy scipy")
#   PYTHON_THERE=3.12 LIMIT=64 OUT=build/gpu   version of Python there; MiB of a pack together with the repository
#   LOADERS=no                                 without the OpenGL loaders (they need apt-get here)
#   ONLY="wheels data"                         make these again; what is made already in OUT/work is taken as it is
#
# Bring each folder there, in any order, and run `bash take.sh` in it; the last one joins the packs, checks and installs
# them in ~/anchorpose-gpu (DEST=... elsewhere; nothing is fetched, nothing else is touched). Then one command renders
# and trains:
#
#   bash ~/anchorpose-gpu/go.sh                                   10,000 images, then the lift for 5 minutes
#   COUNT=200000 PEOPLE="1 4" bash ~/anchorpose-gpu/go.sh python my_training.py    render, then this
#   COUNT=0 MINUTES=60 bash ~/anchorpose-gpu/go.sh                train only
#
# Python with a torch that knows the GPU has to be there. Needs here: the data sets mocap, hands and negatives
# (runs/get_data.sh), and a network for the wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python}
out=${OUT:-build/gpu}
work=$out/work
there=${PYTHON_THERE:-3.12}
limit=${LIMIT:-64}
mkdir -p "$work"

have() {
  if [[ -f ${HAVE:-} ]]; then sed 's/[ =@].*//' "$HAVE"; else tr ' ' '\n' <<<"${HAVE:-torch}"; fi
}

# Run quietly; show the end of what it said where it fails.
logged() { "$@" >"$work/log.txt" 2>&1 || { tail -20 "$work/log.txt" >&2; exit 1; }; }

wanted() { [[ ! -e $work/$1 || " ${ONLY:-} " == *" $1 "* ]]; }

wheels() {
  local dir=$work/wheels.partial own
  rm -rf "$dir" "$work/wheels"
  mkdir -p "$dir"
  logged "$python" -m build --wheel --outdir "$dir" .
  own=$(echo "$dir"/anchorpose-*.whl)
  local platforms=(--platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64)
  platforms+=(--platform manylinux_2_27_x86_64 --platform manylinux_2_28_x86_64)
  # What is needed there, with versions, and of that what is not there yet.
  logged "$python" -m pip install --dry-run --ignore-installed --report "$work/report.json" --target "$work/nowhere" \
    --only-binary=:all: --python-version "$there" --implementation cp "${platforms[@]}" \
    "$own" moderngl safetensors scikit-learn
  have | "$python" -c '
import json, re, sys
plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
there = {plain(line.strip()) for line in sys.stdin if line.strip()} | {"anchorpose"}
for item in json.load(open(sys.argv[1]))["install"]:
    name, version = item["metadata"]["name"], item["metadata"]["version"]
    if plain(name) not in there:
        print(f"{name}=={version}")
' "$work/report.json" >"$work/needed.txt"
  if [[ -s $work/needed.txt ]]; then
    logged "$python" -m pip download --no-deps --only-binary=:all: --python-version "$there" --implementation cp \
      "${platforms[@]}" --dest "$dir" --requirement "$work/needed.txt"
  fi
  mv "$dir" "$work/wheels"
}

data() {
  rm -rf "$work/data" "$work/data.partial"
  mkdir -p "$work/data.partial"
  "$python" - "$work/data.partial" <<'PY'
import shutil
import sys
from pathlib import Path

from anchorpose.files.corpus import read_corpus
from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import read_motions

out = Path(sys.argv[1])
mocap = dataset_path("mocap")
# Subjects that are held out stay here: nobody can train on them by mistake.
read_motions(mocap, "train", progress=False).save(out / "motions.npz")
read_corpus(mocap, "train", progress=False).save(out / "corpus.npz")
shutil.copyfile(dataset_path("hands", "ycb_grasps.npz"), out / "ycb_grasps.npz")
shutil.copytree(dataset_path("negatives"), out / "negatives")
PY
  chmod -R u+w "$work/data.partial"
  mv "$work/data.partial" "$work/data"
}

# The libraries that find a GPU's OpenGL; the drivers themselves are the machine's.
loaders() {
  rm -rf "$work/loaders"
  mkdir -p "$work/loaders"
  if [[ ${LOADERS:-yes} == no ]] || ! command -v apt-get >/dev/null; then return; fi
  local lists=$work/apt options names
  names=(libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2 libx11-6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0)
  mkdir -p "$lists/partial"
  options=(-qq -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o "Dir::State::Lists=$(realpath "$lists")")
  logged apt-get "${options[@]}" update
  (cd "$work/loaders" && work=.. logged apt-get "${options[@]}" download "${names[@]}")
}

scripts() {
  cat >"$work/install.sh" <<'SH'
#!/usr/bin/env bash
# Install what lies in this folder into this folder; nothing is fetched.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
rm -rf "$here/site"
"$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$here/site" "$here"/wheels/*.whl
for deb in "$here"/loaders/*.deb; do
  if [[ -e $deb ]]; then dpkg -x "$deb" "$here/system"; fi
done
cat >"$here/env.sh" <<ENV
export PYTHONPATH=$here/site\${PYTHONPATH:+:\$PYTHONPATH}
export PATH=$here/site/bin:\$PATH
export ANCHORPOSE_DATA=$here/data
libraries=$here/system/usr/lib/x86_64-linux-gnu
if ! ldconfig -p | grep -q libEGL.so.1 && [[ -d \$libraries ]]; then
  export LD_LIBRARY_PATH=\$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
fi
for file in /usr/share/glvnd/egl_vendor.d/10_nvidia.json /usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json; do
  if [[ -e \$file ]]; then export __EGL_VENDOR_LIBRARY_FILENAMES=\$file; break; fi
done
ENV
. "$here/env.sh"
"$python" -c 'import anchorpose, numpy; print("anchorpose", anchorpose.__version__, "with NumPy", numpy.__version__)'
SH
  cat >"$work/go.sh" <<'SH'
#!/usr/bin/env bash
# Render, then train. COUNT SIZE PEOPLE SEED PROCESSES SHARD OF: of the images; MINUTES: of the training.
# What is given as arguments runs in place of the lift's training, with RENDERED naming the folder of the shards.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/env.sh"
python=${PYTHON:-python3}
export RENDERED=${RENDERED:-$here/rendered}
# shellcheck disable=SC2086  # SIZE and PEOPLE are two numbers each
if [[ ${COUNT:-10000} -gt 0 ]]; then
  "$python" -m anchorpose synth render --mocap "$here/data/motions.npz" --hands "$here/data/ycb_grasps.npz" \
    --backgrounds "$here/data/negatives" --textures "$here/data/negatives" --texture-licenses 4 5 --split train \
    --count "${COUNT:-10000}" --size ${SIZE:-256 256} --people ${PEOPLE:-1 1} --seed "${SEED:-0}" \
    --shard "${SHARD:-1}" --of "${OF:-1}" ${PROCESSES:+--processes $PROCESSES} --out "$RENDERED" --resume
fi
if [[ $# -gt 0 ]]; then exec "$@"; fi
device=$("$python" -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')
exec "$python" -m anchorpose.learn.train_lift --corpus "$here/data/corpus.npz" --device "$device" \
  --minutes "${MINUTES:-5}" --workers "${WORKERS:-4}" --out "${CHECKPOINTS:-$here/checkpoints/lift}"
SH
  cat >"$work/take.sh" <<'SH'
#!/usr/bin/env bash
# Put this pack beside the others in DEST; the last one joins, checks, unpacks and installs them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dest=${DEST:-$HOME/anchorpose-gpu}
mkdir -p "$dest/packs"
cp "$here"/pack.tar.* "$here/packs.sha256" "$dest/packs/"
cd "$dest/packs"
missing=$(awk '{ print $2 }' packs.sha256 | while read -r part; do [[ -e $part ]] || echo "$part"; done)
if [[ -n $missing ]]; then
  echo "taken; still missing: $(xargs <<<"$missing")"
  exit
fi
sha256sum --quiet --check packs.sha256
cat $(awk '{ print $2 }' packs.sha256) | tar -xz -C "$dest"
bash "$dest/install.sh"
echo "ready: bash $dest/go.sh"
SH
}

packs() {
  local repository part number room
  # The repository travels with every pack, so a pack has what it leaves of the limit.
  repository=$(git ls-files -z --cached --others --exclude-standard | xargs -0 du --apparent-size -cb 2>/dev/null |
    awk '$2 == "total" { sum += $1 } END { print int(sum / 1048576) + 1 }')
  room=$((limit - repository - 1))
  if [[ $room -lt 4 ]]; then
    echo "the repository has $repository MiB of the $limit that a pack may have with it: no room" >&2
    exit 1
  fi
  rm -rf "$out"/[0-9]*
  tar -C "$work" --sort=name --owner=0 --group=0 --mtime=@0 -cf - wheels data loaders install.sh go.sh |
    gzip -n -6 | split -b "${room}m" -d -a 2 - "$work/pack.tar."
  (cd "$work" && sha256sum pack.tar.* >packs.sha256)
  number=1
  for part in "$work"/pack.tar.*; do
    mkdir -p "$out/$number"
    mv "$part" "$out/$number/"
    cp "$work/packs.sha256" "$work/take.sh" "$out/$number/"
    number=$((number + 1))
  done
  echo "$((number - 1)) packs of at most $room MiB, beside the repository's $repository:"
  du -sh --apparent-size "$out"/[0-9]*
}

for step in wheels data loaders; do
  if wanted "$step"; then "$step"; fi
done
scripts
packs
