#!/bin/sh
# What `make install` installs can be used: every header by itself in C and C++, the examples through pkg-config and through
# CMake, the static library; the shared one offers the headers' names alone; library and command give the same answers.
set -eu
command=$1
build=$(cd "$(dirname "$command")" && pwd)
. tests/support/expect.sh
[ -e "$build/libautoscale.so" ] || { echo "skipped: a build with sanitizers has no shared library"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A blank in the path: pkg-config and CMake must keep it whole.
prefix="$work/of autoscale"
cmake --install "$build" --prefix "$prefix" >"$work/log" || { cat "$work/log"; fail "install"; }
mv "$prefix" "$work/moved"
prefix=$work/moved # an installed tree can be moved
lib=$prefix/lib
[ -e "$lib/libautoscale.so" ] || lib=$(dirname "$(find "$prefix" -name libautoscale.so)")
export PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib"
version=$(sed -n 's/^#define ASC_VERSION "\(.*\)"/\1/p' include/autoscale/version.h)

# ---- the libraries ----
readelf -d "$lib/libautoscale.so" | grep -q 'SONAME.*\[libautoscale\.so\.0\]' || fail "SONAME"
nm -D --defined-only "$lib/libautoscale.so" | awk '{print $3}' | sort >"$work/offered"
grep -v '^asc_[a-z]' "$work/offered" && fail "names other than asc_"
# every function that the headers declare, and no other
cat "$prefix"/include/autoscale/*.h | grep -v '^#define\|marks' | tr '\n' ' ' | grep -o 'ASC_API [^(]*(' | sed 's/($//; s/.*[ *]//' |
    grep . | sort >"$work/declared"
diff "$work/offered" "$work/declared" || fail "names offered (<) and declared (>)"
nm -g --defined-only "$lib/libautoscale.a" | awk 'NF == 3 {print $3}' | sort >"$work/static"
grep -v '^asc_' "$work/static" && fail "names other than asc_ in the archive"
grep '^asc__cli\|^asc_study_run\|^asc_store' "$work/static" && fail "the archive holds the command's rooms"
ldd "$lib/libautoscale.so" | grep 'sqlite\|yaml' && fail "the library needs SQLite or YAML"

# ---- the manual and completion ----
for page in man/man1/autoscale.1 man/man1/autoscale-fit.1 man/man5/autoscale-study.5 bash-completion/completions/autoscale \
    zsh/site-functions/_autoscale fish/vendor_completions.d/autoscale.fish; do
    [ -s "$prefix/share/$page" ] || fail "not installed: $page"
done

# ---- the headers ----
grep -n 'include <\|include "' "$prefix"/include/autoscale/*.h | grep -v '"autoscale/\|<std[a-z]*\.h>' && fail "a header includes another library's"
for header in "$prefix"/include/autoscale/*.h; do
    name=autoscale/$(basename "$header")
    printf "#include <%s>\nextern int one;\n" "$name" >"$work/one.c"
    gcc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only "-I$prefix/include" "$work/one.c" || fail "$name in C99"
    clang++ -x c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only "-I$prefix/include" "$work/one.c" || fail "$name in C++"
done

# ---- the examples, through pkg-config ----
[ "$(pkg-config --modversion autoscale)" = "$version" ] || fail "version of autoscale.pc"
for name in fit_table read_mixture sample_tokens train_model; do
    # shellcheck disable=SC2046
    gcc -std=c17 -Wall -Wextra -Werror -Wno-missing-field-initializers "examples/c/$name.c" \
        $(pkg-config --cflags --libs autoscale) -o "$work/$name" || fail "$name through pkg-config"
done
"$work/fit_table" examples/c/runs.csv 1e9 "$work/mix.json" >"$work/fit.txt" || fail "fit_table"
"$work/read_mixture" "$work/mix.json" >"$work/shares.txt" || fail "read_mixture"
"$work/read_mixture" "$work/mix.json" csv >"$work/mix.csv" || fail "read_mixture csv"
"$prefix/bin/autoscale" fit examples/c/runs.csv -q -o "$work/law.json" >/dev/null 2>&1 || fail "fit"
"$prefix/bin/autoscale" optimize "$work/law.json" --tokens 1e9 -q -o "$work/mix2.json" >/dev/null 2>&1 || fail "optimize"
"$work/read_mixture" "$work/mix2.json" | cmp - "$work/shares.txt" || fail "library and command find different mixtures"
"$prefix/bin/autoscale" export "$work/mix.json" --to csv 2>/dev/null | cmp - "$work/mix.csv" || fail "library and command export differently"
"$work/sample_tokens" "$work/tokens" code=src/base docs=docs >"$work/stream.txt" || fail "sample_tokens"
grep -q "the same batch" "$work/stream.txt" || { cat "$work/stream.txt"; fail "the stream resumes"; }
"$work/train_model" "$work/tokens" "$work/run" 12000 >"$work/train.txt" 2>/dev/null || fail "train_model"
"$prefix/bin/autoscale" train --tokens-dir "$work/tokens" --layers 2 --heads 2 --width 64 --context 64 --batch-tokens 1024 \
    --tokens 12000 -o "$work/run2" -q >/dev/null || fail "train"
for run in run run2; do # all but how long it took
    tr -d ' \n' <"$work/$run/result.json" | grep -o '"loss":{[^}]*}' | head -1 >"$work/$run.loss"
done
cmp "$work/run.loss" "$work/run2.loss" && [ -s "$work/run.loss" ] || fail "library and command train differently"
# an error is a value with one line
code=0
"$work/read_mixture" "$work/none.json" 2>"$work/err" || code=$?
[ $code = 1 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q 'none.json' "$work/err" || fail "an error's line"

# ---- through CMake ----
(cmake -S examples/c -B "$work/by cmake" "-DCMAKE_PREFIX_PATH=$prefix" && cmake --build "$work/by cmake") >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "the examples through CMake"; }
for name in fit_table fit_table_static; do
    (unset LD_LIBRARY_PATH; "$work/by cmake/$name" examples/c/runs.csv 1e9 "$work/mix3.json") | cmp - "$work/fit.txt" || fail "$name through CMake"
done
