#!/bin/sh
# Every exported form, read as its trainer reads it.
set -eu
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/mix.json" <<'JSON'
{"weights": {"common crawl": 0.3333333333333333, "git'hub \"x\"": 0.25, "bücher: #1": 0.4166666666666667, "unused": 0},
 "tokens": {"common crawl": 1000000, "git'hub \"x\"": 750000, "bücher: #1": 1250000, "unused": 0},
 "available": {"common crawl": 400000, "git'hub \"x\"": 250000, "bücher: #1": null, "unused": 5},
 "paths": {"common crawl": "data/common crawl_text", "git'hub \"x\"": "s3://bucket/code", "bücher: #1": null, "unused": null},
 "tokenizer": "tokens/tokenizer.json"}
JSON
python3 tests/export/parse.py "$1" "$work/mix.json"
