#!/bin/sh
# Manual pages and completion say what --help says; `version` names what runs; --out and --output are one option.
set -eu
command=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runs=$PWD/examples/c/runs.csv
cd "$work"
"$command" manual pages || fail "manual"
plain() { sed 's/\\-/-/g; s/\\f[BRI]//g; s/\\&//; s/\\e/\\/g' "$1"; }
for name in $("$command" --help | sed -n 's/^  \([a-z-]*\)  .*/\1/p'); do
    page=pages/autoscale-$name.1
    plain "$page" >page.txt || fail "no page for $name"
    "$command" "$name" --help | sed -n 's/^  \(-., \)*\(--[a-z0-9-]*\).*/\2/p' >options.txt
    while read -r option; do
        grep -q -e "$option" page.txt || fail "$page does not name $option"
        grep -q -e "$option" pages/autoscale.bash || fail "completion of bash does not name $option"
        grep -q -e "$option" pages/_autoscale || fail "completion of zsh does not name $option"
        grep -q -e "-l ${option#--}" pages/autoscale.fish || fail "completion of fish does not name $option"
    done <options.txt
done
plain pages/autoscale-fit.1 | grep -q "reciprocal-mult" || fail "the page of fit lists no laws"
plain pages/autoscale-study.5 | grep -q "AdamW's weight decay" || fail "the page of the study file"
grep -q 'autoscale..manual' pages/autoscale.1 && fail "a hidden command is shown"
if command -v groff >/dev/null; then
    for page in pages/*.[15]; do
        groff -man -ww -z -Kutf8 "$page" 2>err.txt && [ ! -s err.txt ] || { cat err.txt; fail "$page"; }
    done
fi
command -v zsh >/dev/null && { zsh -n pages/_autoscale || fail "completion of zsh"; }
command -v fish >/dev/null && { fish -n pages/autoscale.fish || fail "completion of fish"; }
# completes WORD.. WANTED: what bash offers for the last word
cat >complete.sh <<'END'
. ./pages/autoscale.bash
wanted=${*: -1}
COMP_WORDS=(autoscale "${@:1:$#-1}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_autoscale
case " ${COMPREPLY[*]} " in *" $wanted "*) ;; *) echo "${COMPREPLY[*]}"; exit 1 ;; esac
END
completes() { bash complete.sh "$@" || fail "bash: completion of: $*"; }
completes fi fit
completes fit --la --law
completes fit --law rec reciprocal-mult
completes fit -l dml dml+gp
completes export --to mega megatron
completes train --schedule co cosine
completes fit pa pages
completes fit --law dml pa pages

# ---- version ----
"$command" version >version.txt
[ "$(head -1 version.txt)" = "$("$command" --version)" ] || fail "two versions"
for name in compiler CPU jansson SQLite XGBoost; do grep -q "^$name " version.txt || fail "version does not name $name"; done
"$command" version --json | tr -d ' \n' | grep -q '^{"version":"[0-9.]*","compiler":"[^"]*".*"libraries":\[{"name":"jansson"' || fail "version --json"

# ---- --out is --output ----
for option in --out --output -o --out= --output=; do
    case $option in *=) set -- "${option}law.json" ;; *) set -- "$option" law.json ;; esac
    rm -f law.json
    "$command" fit "$runs" --law constant --bootstrap 0 -q "$@" >/dev/null 2>&1 && [ -s law.json ] || fail "fit $*"
done
"$command" export --output mix.txt --to csv - <<'END' || fail "export --output"
{"weights": {"a": 0.5, "b": 0.5}}
END
[ -s mix.txt ] || fail "export --output"
"$command" bench sample --seconds .01 --repeats 1 --output bench.json >/dev/null 2>&1 && [ -s bench.json ] || fail "bench --output"
expect 2 "no folder nowhere" "$command" fit "$runs" --output nowhere/law.json
expect 2 "unknown option --outpu" "$command" fit "$runs" --outpu law.json
