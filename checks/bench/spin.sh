#!/usr/bin/env bash
# Explores raft.pml with Spin and prints one line a run. README.md says what the columns mean.
set -euo pipefail

usage() {
    cat <<'END'
Usage: spin.sh [--terms T [--timeouts E] [--proposals P]] [--search depth|compact|breadth]
               [--memory MB] [--without-own-term-check]

  --terms T       the last term in which an election may start, 1 to 5; T + P is 5 at most
  --timeouts E    election time-outs in all; no limit but the terms if absent
  --proposals P   client proposals in all; 0 if absent
  --search        depth    depth first, whole states: exact, and Spin's fastest (the default)
                  compact  depth first, hash-compacted (-DHC4): fewer bytes, and states are missed
                  breadth  breadth first, one event a transition: the shortest way to what is violated
  --memory MB     what Spin may take; 4096 if absent
  --without-own-term-check
                  a leader commits by counting replicas whatever the entry's term: Figure 8, found breadth first

Without --terms: four sizes, one after the other; T4 E4 P0 without the own-term check.
Exit 0: all is as expected, or there is no Spin. 1: something failed. 2: wrong arguments. 12: a property is violated.
END
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

terms='' timeouts='' proposals='' search='' memory=4096 own_term_check=yes
while (($#)); do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --without-own-term-check) own_term_check=no; shift; continue ;;
        --terms | --timeouts | --proposals | --search | --memory) (($# > 1)) || wrong "$1 needs a value" ;;
        *) wrong "\`$1\` is not an argument" ;;
    esac
    case $1 in
        --terms) terms=$(number "$1" "$2" 1 5) ;;
        --timeouts) timeouts=$(number "$1" "$2" 1 255) ;;
        --proposals) proposals=$(number "$1" "$2" 0 4) ;;
        --memory) memory=$(number "$1" "$2" 256 999999) ;;
        --search)
            [[ $2 =~ ^(depth|compact|breadth)$ ]] || wrong "--search is depth, compact or breadth, not \`$2\`"
            search=$2
            ;;
    esac
    shift 2
done
[[ -n $terms || -z $timeouts$proposals ]] || wrong '--timeouts and --proposals need --terms'
[[ -z $terms ]] || ((terms + ${proposals:-0} <= 5)) || wrong 'terms and proposals are 5 together at most'
if [[ -z $search ]]; then
    if [[ $own_term_check == yes ]]; then search=depth; else search=breadth; fi
fi

cc=$(command -v gcc || command -v cc || true)
if ! command -v spin >/dev/null || [[ -z $cc ]]; then
    echo 'Spin and a C compiler are needed: apt-get install spin gcc'
    echo 'skipped'
    exit 0
fi

model=$here/raft.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Spin's table has 2^slots places; a place is 8 bytes.
slots=24
if ((memory >= 8192)); then slots=26; fi

# reported PATTERN: the number before PATTERN in Spin's report, as digits.
reported() {
    awk -v pattern="$1" '!found && match($0, "[0-9.e+]+ *" pattern) {
        split(substr($0, RSTART, RLENGTH), word, " "); printf "%.0f", word[1]; found = 1
    }' report
}

# run TERMS TIMEOUTS PROPOSALS: one line.
run() {
    local bounds="T$1 E${2:--} P$3" define=(-DTERMS="$1" -DPROPOSALS="$3") compile=()
    [[ -z $2 ]] || define+=(-DTIMEOUTS="$2")
    [[ $own_term_check == yes ]] || define+=(-DNO_OWN_TERM_CHECK)
    # Partial order reduction finds nothing to reduce where all variables are shared; masking states costs more than it
    # saves, but hash-compaction needs it. The program of one event a transition is long: -O1, or compiling takes longer
    # than running.
    case $search in
        depth) compile=(-O2 -DNOCOMP) ;;
        compact) compile=(-O2 -DHC4) ;;
        breadth) compile=(-O1 -DNOCOMP -DBFS) define+=(-DONE_STEP) ;;
    esac
    rm -f pan* ./*.trail
    compile+=(-w -DSAFETY -DNOREDUCE -DMEMLIM="$memory")
    if ! { spin -a "${define[@]}" "$model" && "$cc" "${compile[@]}" -o pan pan.c; } >compiled 2>&1; then
        cat compiled >&2
        echo "spin.sh: $bounds does not compile" >&2
        exit 1
    fi
    local TIMEFORMAT='%R %U %S'
    { time ./pan -m2000 -w"$slots" >report 2>&1 || true; } 2>took
    local elapsed user system
    read -r elapsed user system <took

    local states transitions depth errors exhausted='yes' found='' trace=''
    states=$(reported 'states, stored')
    transitions=$(reported 'transitions')
    depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' report)
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' report)
    if [[ -z $states || -z $errors ]]; then
        cat report >&2
        echo "spin.sh: $bounds: Spin reported no result" >&2
        exit 1
    fi
    [[ $search != compact ]] || exhausted='but misses'
    if ((errors > 0)); then
        exhausted='no'
        trace=$(./pan -r raft.pml.trail -S 2>&1 | sed -n -e '/^violates /{p;q}' -e '/^[a-z]* n[0-9]/p' || true)
        found=$(sed -n 's/^violates //p' <<<"$trace")
        found="${found:-an assertion of the encoding}, $(grep -c ' n[0-9]' <<<"$trace" || true) events"
        [[ $own_term_check == no ]] || violated=yes
    elif grep -q 'Search not completed\|max search depth too small\|out of memory' report; then
        exhausted='no: limit'
    fi
    row "$bounds" "$search" "$states" "$transitions" "$depth" "$elapsed" \
        "$(sum "$user" "$system")" \
        "$(rate "$states" "$user" "$system")" \
        "$(bytes "$states")" "$exhausted" "$found"
    [[ -z $trace ]] || awk '{ printf "  %3s  %s\n", /^violates/ ? "" : NR, $0 }' <<<"$trace"
}

# What a state takes, and its place in the table.
bytes() {
    awk -v states="$1" -v slots="$slots" '/memory usage/ && !/for|equivalent/ { megabytes = $1 }
        END { printf "%.0f", (megabytes * 1048576 - 8 * 2 ^ slots) / states + 8 }' report
}

violated=no
echo "$(spin -V | head -1), $("$cc" --version | head -1)"
head_row
if [[ -n $terms ]]; then
    run "$terms" "$timeouts" "${proposals:-0}"
elif [[ $own_term_check == no ]]; then
    run 4 4 0
else
    run 2 2 0
    run 2 2 1
    run 3 3 0
    run 3 3 1
fi
[[ $violated == no ]] || exit 12
