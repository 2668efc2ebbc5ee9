#!/usr/bin/env bash
# Explores raft.tla with TLC and prints one line a run. README.md says what the columns mean.
set -euo pipefail

usage() {
    cat <<'END'
Usage: tlc.sh --jar tla2tools.jar [--terms T [--timeouts E] [--proposals P]] [--workers N]
              [--memory MB] [--without-own-term-check]

  --jar FILE      the TLA+ tools: tla2tools.jar of their releases
  --terms T       the last term in which an election may start
  --timeouts E    election time-outs in all; no limit but the terms if absent
  --proposals P   client proposals in all; 0 if absent
  --workers N     TLC's threads; 1 if absent
  --memory MB     Java's heap; 4096 if absent
  --without-own-term-check
                  a leader commits by counting replicas whatever the entry's term: Figure 8

Without --terms: T2 E2 P0, T2 E2 P1 and T3 E3 P0, one after the other; T4 E4 P0 without the own-term check.
Exit 0: all is as expected, or there is no jar. 1: something failed. 2: wrong arguments. 12: a property is violated.
END
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

jar='' terms='' timeouts='' proposals='' workers=1 memory=4096 own_term_check=TRUE
while (($#)); do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --without-own-term-check) own_term_check=FALSE; shift; continue ;;
        --jar | --terms | --timeouts | --proposals | --workers | --memory) (($# > 1)) || wrong "$1 needs a value" ;;
        *) wrong "\`$1\` is not an argument" ;;
    esac
    case $1 in
        --jar) jar=$2 ;;
        --terms) terms=$(number "$1" "$2" 1 99) ;;
        --timeouts) timeouts=$(number "$1" "$2" 1 999) ;;
        --proposals) proposals=$(number "$1" "$2" 0 999) ;;
        --workers) workers=$(number "$1" "$2" 1 999) ;;
        --memory) memory=$(number "$1" "$2" 256 999999) ;;
    esac
    shift 2
done
[[ -n $terms || -z $timeouts$proposals ]] || wrong '--timeouts and --proposals need --terms'

if [[ -z $jar ]]; then
    echo 'TLC is needed: give it with --jar tla2tools.jar, from the releases of the TLA+ tools'
    echo 'skipped'
    exit 0
fi
[[ -f $jar ]] || wrong "there is no file \`$jar\`"
if ! command -v java >/dev/null; then
    echo 'Java is needed: apt-get install default-jre-headless'
    echo 'skipped'
    exit 0
fi

jar=$(cd "$(dirname "$jar")" && pwd)/$(basename "$jar")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$here/raft.tla" .

# run TERMS TIMEOUTS PROPOSALS: one line.
run() {
    local bounds="T$1 E${2:--} P$3"
    sed -e "s/^\( *Terms = \).*/\1$1/" -e "s/^\( *Timeouts = \).*/\1${2:-0}/" -e "s/^\( *Proposals = \).*/\1$3/" \
        -e "s/^\( *OwnTermCheck = \).*/\1$own_term_check/" "$here/raft.cfg" >raft.cfg
    local TIMEFORMAT='%R %U %S'
    # At the end everything was delivered: no deadlock. TLC unpacks its modules into Java's temporary directory.
    { time java -XX:+UseParallelGC -Xmx"$memory"m -Djava.io.tmpdir="$work" -cp "$jar" tlc2.TLC -deadlock \
        -workers "$workers" -metadir "$work/states" raft.tla >report 2>&1 || true; } 2>took
    local elapsed user system
    read -r elapsed user system <took

    # The last count is the final one; while it runs TLC separates thousands by commas.
    local states transitions depth exhausted='yes' found=''
    states=$(tr -d , <report | sed -n 's/.* \([0-9]*\) distinct states found.*/\1/p' | tail -1)
    transitions=$(tr -d , <report | sed -n 's/^\(.*: \)\{0,1\}\([0-9]*\) states generated.*/\2/p' | tail -1)
    depth=$(sed -n 's/^The depth of the complete state graph search is \([0-9]*\).*/\1/p' report)
    found=$(sed -n 's/^Error: Invariant \([A-Za-z]*\) is violated.*/\1/p' report)
    if [[ -n $found ]]; then
        exhausted='no'
        found="$found, $(($(grep -c '^State [0-9]*:' report) - 1)) events"
        [[ $own_term_check == FALSE ]] || violated=yes
    elif ! grep -q '^Model checking completed. No error has been found' report; then
        cat report >&2
        echo "tlc.sh: $bounds: TLC did not complete" >&2
        exit 1
    fi
    row "$bounds" tlc "$states" "$transitions" "${depth:--}" "$elapsed" \
        "$(sum "$user" "$system")" \
        "$(rate "$states" "$user" "$system")" \
        - "$exhausted" "$found"
    rm -rf states
}

violated=no
echo "TLC $(java -cp "$jar" tlc2.TLC -help 2>&1 | sed -n 's/^.*TLC2 Version \([0-9.]*\).*/\1/p' | head -1)," \
    "$(java -version 2>&1 | head -1)"
head_row
if [[ -n $terms ]]; then
    run "$terms" "$timeouts" "${proposals:-0}"
elif [[ $own_term_check == FALSE ]]; then
    run 4 4 0
else
    run 2 2 0
    run 2 2 1
    run 3 3 0
fi
[[ $violated == no ]] || exit 12
