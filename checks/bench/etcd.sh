#!/usr/bin/env bash
# Puts and linearizable reads a second of three raftlab servers and of three etcd members, on this machine, in turn, by
# one load driver. README.md says what is compared. Without etcd it says `skipped` and exits 0.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
    cat <<'TEXT'
usage: checks/bench/etcd.sh [--rounds N] [--seconds N] [--disk DIR] [--memory DIR] [--out FILE]

  --rounds N     how often each system is started on each medium (3); medians are printed
  --seconds N    how long each row is driven, after a second of warm-up (5)
  --disk DIR     a directory on the disk to be measured (target/bench)
  --memory DIR   one on a memory file system (/dev/shm/raftlab-bench); `none` leaves it out
  --out FILE     where the lines of JSON go (target/bench/etcd.jsonl)
TEXT
}

# shellcheck source=common.sh
source checks/bench/common.sh
rounds=3 seconds=5 disk=target/bench memory=/dev/shm/raftlab-bench out=target/bench/etcd.jsonl
while (($#)); do
    case $1 in
        --rounds) rounds=$(number "$1" "${2-}" 1 99) && shift 2 ;;
        --seconds) seconds=$(number "$1" "${2-}" 1 600) && shift 2 ;;
        --disk | --memory | --out) printf -v "${1#--}" '%s' "${2?$1 takes a path}" && shift 2 ;;
        -h | --help) usage && exit 0 ;;
        *) wrong "there is no \`$1\`" ;;
    esac
done
if ! command -v etcd >/dev/null; then
    echo 'skipped: etcd is not installed (Debian: apt-get install etcd-server)'
    exit 0
fi
cargo build --release --quiet -p raftlab-node --bin node --example versus
node=target/release/node versus=target/release/examples/versus
mkdir -p "$disk" "$(dirname "$out")"
: >"$out"
pids=()

# Whatever happens, nothing is left running.
finish() {
    ((${#pids[@]})) && kill -9 "${pids[@]}" 2>/dev/null || true
    pids=()
}
trap finish EXIT INT TERM

# start SYSTEM DIR: three servers in DIR; their processes in `pids`, the leader's address for clients in `leader`, its
# process in `leads`.
start() {
    rm -rf "$2" && mkdir -p "$2"
    pids=() leader='' leads=''
    local i
    for i in 1 2 3; do
        if [[ $1 == raftlab ]]; then
            "$node" --name "n$i" --data-dir "$2/n$i" --listen-peer "127.0.0.1:2740$i" --listen-http "127.0.0.1:2750$i" \
                --initial-cluster n1=127.0.0.1:27401,n2=127.0.0.1:27402,n3=127.0.0.1:27403 \
                --snapshot-count 100000 --log-level warn 2>"$2/n$i.log" &
        else
            etcd --name "n$i" --data-dir "$2/n$i" --log-level error \
                --listen-peer-urls "http://127.0.0.1:2740$i" --initial-advertise-peer-urls "http://127.0.0.1:2740$i" \
                --listen-client-urls "http://127.0.0.1:2750$i" --advertise-client-urls "http://127.0.0.1:2750$i" \
                --initial-cluster n1=http://127.0.0.1:27401,n2=http://127.0.0.1:27402,n3=http://127.0.0.1:27403 \
                >"$2/n$i.log" 2>&1 &
        fi
        pids+=($!)
    done
    for _ in {1..200}; do
        for i in 1 2 3; do
            if curl -s "http://127.0.0.1:2750$i/metrics" | grep -qE '^(raftlab|etcd_server)_is_leader 1$'; then
                leader=127.0.0.1:2750$i leads=${pids[i - 1]}
                sleep 1
                return
            fi
        done
        sleep 0.1
    done
    echo "$1 elects no leader: see $2" >&2
    exit 1
}

# ticks PID: processor time, in hundredths of a second.
ticks() {
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

# fsync_p50: the median of the leader's syncs so far, in microseconds.
fsync_p50() {
    curl -s "http://$leader/metrics" | awk '
        /wal_fsync_duration_seconds_bucket/ {
            match($0, /le="[^"]*"/); le = substr($0, RSTART + 4, RLENGTH - 5)
            bounds[++n] = le; counts[n] = $2
        }
        END {
            half = counts[n] / 2; low = 0; below = 0
            for (i = 1; i <= n; i++) {
                if (counts[i] >= half && counts[i] > below) {
                    high = bounds[i] == "+Inf" ? low : bounds[i]
                    printf "%.0f", 1e6 * (low + (high - low) * (half - below) / (counts[i] - below)); exit
                }
                low = bounds[i]; below = counts[i]
            }
            print 0
        }'
}

# drive SYSTEM MEDIUM CLIENTS READS [FLAG...]: one row.
drive() {
    local system=$1 medium=$2 clients=$3 reads=$4 before after line
    shift 4
    before=$(ticks "$leads")
    line=$("$versus" drive "$system" --endpoints "$leader" --clients "$clients" --read-percent "$reads" \
        --seconds "$seconds" "$@")
    after=$(ticks "$leads")
    local cpu=$(((after - before) / (seconds + 1)))
    printf '%s,"medium":"%s","leader_cpu_percent":%d,"fsync_p50_us":%s}\n' "${line%\}}" "$medium" "$cpu" "$(fsync_p50)"
}

# better LINE LINE: the one with more operations a second. etcd's clients may share connections: what suits it best
# is what counts.
better() {
    printf '%s\n%s\n' "$1" "$2" | awk '{ match($0, /"per_second":[0-9.]+/); rate = substr($0, RSTART + 13, RLENGTH - 13) + 0
        if (rate > best) { best = rate; line = $0 } } END { print line }'
}

measure() {
    local system=$1 medium=$2 dir=$3 clients
    start "$system" "$dir/$system"
    for clients in 1 16 256; do
        if [[ $system == etcd && $clients == 256 ]]; then
            better "$(drive "$system" "$medium" "$clients" 0)" "$(drive "$system" "$medium" "$clients" 0 --connections 16)" >>"$out"
        else
            drive "$system" "$medium" "$clients" 0 >>"$out"
        fi
    done
    for clients in 16 256; do
        if [[ $system == etcd && $clients == 256 ]]; then
            better "$(drive "$system" "$medium" "$clients" 100)" "$(drive "$system" "$medium" "$clients" 100 --connections 16)" >>"$out"
        else
            drive "$system" "$medium" "$clients" 100 >>"$out"
        fi
    done
    finish
    wait 2>/dev/null || true
    rm -rf "${dir:?}/$system"
}

etcd --version | head -1
echo "disk under $disk: $("$versus" disk "$disk")"
for ((round = 1; round <= rounds; round++)); do
    # In turn, so that what the machine does besides falls on both.
    for system in raftlab etcd; do
        echo "round $round of $rounds: $system" >&2
        measure "$system" disk "$disk"
        if [[ $memory != none ]]; then
            mkdir -p "$memory"
            measure "$system" memory "$memory"
        fi
    done
done
[[ $memory == none ]] || rm -rf "${memory:?}"
"$versus" table <"$out"
