# shellcheck shell=bash
# What spin.sh and tlc.sh have in common: their arguments' errors, and the shape of their table. Sourced, after `usage`.

# wrong WHY: ends with exit 2.
wrong() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    usage >&2
    exit 2
}

# number NAME TEXT LOW HIGH: TEXT, if it is a number within the limits.
number() {
    [[ $2 =~ ^[0-9]{1,6}$ ]] || wrong "$1 takes a number, not \`$2\`"
    ((10#$2 >= $3 && 10#$2 <= $4)) || wrong "$1 is $3 to $4, not $2"
    printf '%d' "$((10#$2))"
}

# row CELL...: one line of the table.
row() {
    printf '%-10s %-8s %12s %13s %6s %9s %9s %10s %8s %-10s %s\n' "$@"
}

# head_row: its first line.
head_row() {
    row bounds search states transitions depth seconds 'cpu s' 'states/s' 'B/state' exhausted found
}

# rate STATES USER SYSTEM: states a second of processor time.
rate() {
    awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%.0f", n / (a + b + 0.001) }'
}

# sum USER SYSTEM: seconds of processor time.
sum() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a + b }'
}
