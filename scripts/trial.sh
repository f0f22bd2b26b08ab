#!/usr/bin/env bash
# make trial: installs the packages of .build-deb in a fresh Debian 12 under a systemd of its own, and does there what
# docs/installation.md says: a controller, a host, an upgrade, a backup restored on an empty machine, and a purge.
# Usage: scripts/trial.sh [DIRECTORY]; DIRECTORY has the older packages that are upgraded (default: these, made older).
set -euo pipefail
cd "$(dirname "$0")/.."
older=${1:+$(realpath "$1")}
fail() { echo "patchbay: $*" >&2; exit 1; }
compgen -G '.build-deb/*.deb' >/dev/null || fail "there are no packages to try: run 'make deb' first."
if [ "${PATCHBAY_TRIAL:-}" != inside ]; then
    scripts/prepare.sh trial
    # Mounts, and the control groups of version 2 that systemd wants as its own, are for this script alone.
    PATCHBAY_TRIAL=inside exec unshare --mount --propagation private "$0" "$@"
fi
began=$SECONDS
root=$PWD
work=$root/.build-trial
data=/var/lib/patchbay/controller
mkdir -p "$work/mnt"

# The machine before Patchbay: Debian's smallest system, with what the packages depend on. It is made once.
wanted=$(for package in .build-deb/*.deb ${older:+"$older"/*.deb}; do
    dpkg-deb --field "$package" Depends Recommends
done | sed 's/^[A-Za-z]*: //' | tr ',' '\n' | sed 's/ *([^)]*)//; s/|.*//; s/ //g' | grep -v '^patchbay' |
    sort -u | paste -sd,),systemd,systemd-sysv,iputils-ping,curl,ca-certificates,procps
if [ "$(cat "$work/base.list" 2>/dev/null)" != "$wanted" ]; then
    echo "Making a fresh Debian 12 (once; some minutes)"
    rm -rf "$work/base" "$work/base.list"
    debootstrap --variant=minbase --include="$wanted" bookworm "$work/base" http://deb.debian.org/debian \
        >"$work/debootstrap.log" 2>&1 || { tail -n 5 "$work/debootstrap.log" >&2; fail "debootstrap failed."; }
    rm -f "$work"/base/var/cache/apt/archives/*.deb
    echo "$wanted" >"$work/base.list"
fi

declare -A monitor leader
ended() {
    local status=$? machine pid
    trap - EXIT
    if [ $status -ne 0 ]; then
        for machine in "${!leader[@]}"; do
            echo "--- the journal of $machine" >&2
            on "$machine" journalctl --boot --no-pager --lines=20 --unit='patchbay-*' >&2 || true
        done
    fi
    for machine in "${!monitor[@]}"; do
        pid=${leader[$machine]:-}
        [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
        wait "${monitor[$machine]}" 2>/dev/null || true
    done
    rm -f "$work"/patchbay-trial-*.log
    for machine in north south spare; do ip netns delete "pbtrial-$machine" 2>/dev/null || true; done
    find /sys/fs/cgroup/patchbay-trial -depth -type d -exec rmdir {} + 2>/dev/null || true
    exit $status
}
trap ended EXIT
trap 'exit 130' INT TERM

umount --recursive --lazy /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup || fail "this machine gives no control groups of version 2: the trial cannot run here."
mount -t tmpfs -o size=4g tmpfs "$work/mnt"
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn

# boot MACHINE NETNS: a machine on a copy of the base that is written to memory.
boot() {
    local machine=$1 group=/sys/fs/cgroup/patchbay-trial/$1 disk=$work/mnt/$1
    mkdir -p "$group" "$disk/upper" "$disk/work" "$disk/root"
    mountpoint -q "$disk/root" ||
        mount -t overlay overlay -o "lowerdir=$work/base,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
    (
        echo $BASHPID >"$group/cgroup.procs"
        export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=1
        exec systemd-nspawn --quiet --boot --directory="$disk/root" --machine="$machine" --register=no --keep-unit \
            --network-namespace-path="/run/netns/$2" --capability=all --system-call-filter='bpf perf_event_open @mount' \
            --bind=/dev/net/tun --link-journal=no --console=pipe </dev/null >"$work/patchbay-trial-$machine.log" 2>&1
    ) &
    monitor[$machine]=$!
}
# up MACHINE: waits until it has started.
up() {
    local machine=$1
    until leader[$machine]=$(pgrep --parent "${monitor[$machine]}" | head -n 1) && [ -n "${leader[$machine]}" ] &&
        on "$machine" test -S /run/systemd/private 2>/dev/null; do
        kill -0 "${monitor[$machine]}" 2>/dev/null ||
            fail "$machine does not start: $(tail -n 3 "$work/patchbay-trial-$machine.log")"
        sleep 0.1
    done
    on "$machine" systemctl is-system-running --wait >/dev/null || fail "$machine is $(on "$machine" systemctl --failed)"
    # What systemd mounts by itself where it has the kernel to itself.
    on "$machine" sh -c 'mkdir -p /sys/fs/bpf && mount -t bpf bpf /sys/fs/bpf'
}
# on MACHINE COMMAND...
on() {
    local machine=$1
    shift
    nsenter --target "${leader[$machine]}" --mount --uts --ipc --net --pid --cgroup --root \
        env --chdir=/ -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
        PATCHBAY_CONTROLLER=https://192.0.2.1:7443 PATCHBAY_TOKEN_FILE=$data/operator.token PATCHBAY_ROOT=$data/root.pem "$@"
}
halt() {
    # What asks systemd to power off where no bus is.
    kill -s RTMIN+4 "${leader[$1]}"
    wait "${monitor[$1]}" || true
    unset "monitor[$1]" "leader[$1]"
}
# soon WHAT COMMAND...: it comes to be within 20 seconds.
soon() {
    local what=$1 end=$((SECONDS + 20))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "not within 20 s: $what ($*)"
        sleep 0.2
    done
}
step() { printf '%4d s  %s\n' $((SECONDS - began)) "$*"; }
# packages MACHINE DIRECTORY PACKAGE...: nobody is there to answer.
packages() {
    local machine=$1 from=$2 package files=()
    shift 2
    mkdir -p "$work/mnt/$machine/root/pkg"
    for package in "$@"; do
        cp "$from/${package}"_*.deb "$work/mnt/$machine/root/pkg/$package.deb"
        files+=("/pkg/$package.deb")
    done
    on "$machine" apt-get install --yes --no-install-recommends \
        -o Dpkg::Options::=--force-confold "${files[@]}" </dev/null >"$work/install.log" 2>&1 ||
        { tail -n 20 "$work/install.log" >&2; fail "apt-get could not install on $machine"; }
}
# quiet MACHINE UNIT: nothing went wrong by its journal, and nothing secret is in it.
quiet() {
    local journal
    # systemd remarks that the engine goes on while its leaf is replaced, and the leaf that its controller was stopped.
    journal=$(on "$1" journalctl --boot --no-pager --quiet --output=cat --unit "$2" --priority warning |
        grep -vE 'remains running after unit stopped|Found left-over process|usually indicates unclean|\[LeafAgent\] no controller' || true)
    [ -z "$journal" ] || fail "the journal of $2 on $1 has: $journal"
    journal=$(on "$1" journalctl --boot --no-pager --output=cat | grep -v 'no controller$' |
        grep -iE 'error|critical|fatal|panic' || true)
    [ -z "$journal" ] || fail "the journal of $1 has: $journal"
    on "$1" journalctl --boot --no-pager --output=export >"$work/mnt/journal"
    for secret in "${secrets[@]}"; do
        ! grep --quiet --fixed-strings -- "$secret" "$work/mnt/journal" || fail "the journal of $1 shows a secret"
    done
}
secrets=("PRIVATE KEY")
active() { [ "$(on "$1" systemctl show --property=ActiveState --value "$2")" = active ]; }
process() { on "$1" systemctl show --property=MainPID --value "$2"; }
score() { on "$1" systemd-analyze security --no-pager "$2" | sed -n 's/.*exposure level for \(.*\): \([0-9.]*\) .*/\2/p'; }
refused() { ! reaches; }
without() { ! on "$@"; }
reaches() { on south nsenter --net=/run/netns/e1 ping -c 1 -W 1 10.0.0.2; }

if [ -z "$older" ]; then
    older=$work/mnt/older
    mkdir "$older"
    for package in .build-deb/*.deb; do
        name=$(dpkg-deb --field "$package" Package)
        dpkg-deb --raw-extract "$package" "$work/mnt/raw"
        version=$(dpkg-deb --field "$package" Version)
        sed -i "s/\(^Version: \|patchbay-common (= \)$version/\1$version~before/" "$work/mnt/raw/DEBIAN/control"
        dpkg-deb -Znone --build "$work/mnt/raw" "$older/${name}_older.deb" >/dev/null
        rm -rf "$work/mnt/raw"
    done
fi
newer=$root/.build-deb

for machine in north south; do ip netns add pbtrial-$machine; done
ip link add eth0 netns pbtrial-north type veth peer name eth0 netns pbtrial-south
for end in north:192.0.2.1 south:192.0.2.2; do
    ip -n "pbtrial-${end%:*}" address add "${end#*:}/24" dev eth0
    ip -n "pbtrial-${end%:*}" link set eth0 up
    ip -n "pbtrial-${end%:*}" link set lo up
done
boot north pbtrial-north
boot south pbtrial-south
up north
up south
step "two machines run Debian $(on north cat /etc/debian_version) under $(on north systemctl --version | head -n 1)"

# A controller of the older packages.
packages north "$older" patchbay-common patchbay patchbay-controller
packages south "$older" patchbay-common patchbay patchbay-leaf
! active north patchbay-controller || fail "the controller runs before there is a platform"
on north patchbay-controller init --data $data >/dev/null
[ "$(on north stat -c %U $data/root.pem)" = _patchbay ] || fail "the platform's files are not _patchbay's"
secrets+=("$(on north cat $data/operator.token)")
on north sed -i 's/127.0.0.1:744/192.0.2.1:744/g' /etc/patchbay/controller.conf
on north systemctl enable --now patchbay-controller
soon "the controller is ready" on north curl -sf 127.0.0.1:9470/readyz
on north patchbay tenant create acme >/dev/null
on north patchbay vnet create acme/lan --prefix 10.0.0.0/24 >/dev/null
step "the controller of $(on north dpkg-query -W -f '${Version}' patchbay-controller) runs"

# A host.
token=$(on north patchbay host create h1 | tail -n 1)
secrets+=("$token")
on south patchbay host join - <<<"$token" >/dev/null
soon "the leaf is ready" on south curl -sf 127.0.0.1:9471/readyz
for end in e1 e2; do
    on south ip netns add $end
    on north patchbay endpoint create acme/$end --vnet lan --host h1 --attachment $end >/dev/null
done
on north patchbay plug acme/e1 acme/e2 >/dev/null
soon "a packet gets through the wire" reaches
on north patchbay endpoint list acme >"$work/mnt/endpoints"
on north patchbay host list >"$work/mnt/hosts"
step "a host has joined, and its wire carries packets"

# Both upgraded, while the wire is used.
on south nsenter --net=/run/netns/e1 ping -i 0.1 -w 60 10.0.0.2 >"$work/mnt/ping" &
ping=$!
before=$(process north patchbay-controller)
packages north "$newer" patchbay-common patchbay patchbay-controller
soon "the upgraded controller is ready" on north curl -sf 127.0.0.1:9470/readyz
[ "$(process north patchbay-controller)" != "$before" ] || fail "the upgrade did not restart the controller"
on north grep -q 192.0.2.1:7443 /etc/patchbay/controller.conf || fail "the upgrade lost what was changed in controller.conf"
before=$(process south patchbay-leaf)
packages south "$newer" patchbay-common patchbay patchbay-leaf
soon "the upgraded leaf is ready" on south curl -sf 127.0.0.1:9471/readyz
[ "$(process south patchbay-leaf)" != "$before" ] || fail "the upgrade did not restart the leaf"
soon "the engine is ready" on south curl -sf 127.0.0.1:9472/readyz
on south pkill -INT -x ping
wait $ping || fail "no packet got through while the packages were upgraded: $(tail -n 2 "$work/mnt/ping")"
# A version with another layout of what is in the kernel plugs anew.
[ -n "${1:-}" ] || grep -q ' 0% packet loss' "$work/mnt/ping" || fail "packets were lost: $(grep loss "$work/mnt/ping")"
on north patchbay endpoint list acme | diff "$work/mnt/endpoints" - || fail "the upgrade changed the endpoints"
step "both are upgraded to $(on north dpkg-query -W -f '${Version}' patchbay-controller); meanwhile: $(grep loss "$work/mnt/ping")"

for unit in north:patchbay-controller south:patchbay-leaf; do
    machine=${unit%:*} unit=${unit#*:}
    on $machine systemctl restart $unit
    from=$(date +%s%N)
    on $machine systemctl stop $unit
    took=$((($(date +%s%N) - from) / 1000000))
    result=$(on $machine systemctl show --property=Result --value $unit)
    [ "$result" = success ] || fail "$unit ended with $result"
    [ $took -lt 20000 ] || fail "$unit took $took ms to stop"
    on $machine systemctl start $unit
    step "$unit: exposure $(score $machine $unit) of 10, stopped in $took ms"
done
soon "the controller is ready" on north curl -sf 127.0.0.1:9470/readyz
soon "the leaf is ready" on south curl -sf 127.0.0.1:9471/readyz
soon "a packet gets through the wire" reaches

# A backup, restored on a machine that has nothing; the former controller is off.
secrets+=("a phrase that is nobody else's")
on north sh -c "umask 077; echo \"a phrase that is nobody else's\" >/root/phrase"
on north patchbay-controller backup --data $data --passphrase-file /root/phrase /root/platform.backup >/dev/null
quiet north patchbay-controller
cp "$work"/mnt/north/root/root/{phrase,platform.backup} "$work/mnt/"
halt north
boot spare pbtrial-north
up spare
packages spare "$newer" patchbay-common patchbay patchbay-controller
cp "$work"/mnt/{phrase,platform.backup} "$work/mnt/spare/root/root/"
on spare patchbay-controller restore /root/platform.backup --data $data --passphrase-file /root/phrase >/dev/null
on spare sed -i 's/127.0.0.1:744/192.0.2.1:744/g' /etc/patchbay/controller.conf
on spare systemctl enable --now patchbay-controller
soon "the restored controller is ready" on spare curl -sf 127.0.0.1:9470/readyz
on spare patchbay endpoint list acme | diff "$work/mnt/endpoints" - || fail "the restored platform has other endpoints"
on spare patchbay unplug acme/e1 acme/e2 >/dev/null
soon "the leaf hears of it from the restored controller" refused
on spare patchbay plug acme/e1 acme/e2 >/dev/null
soon "a packet gets through the wire" reaches
step "a backup is restored on an empty machine, and the host has found it"
quiet south patchbay-leaf
quiet spare patchbay-controller

# Purged: nothing of the leaf is left; the platform is.
purge() { on "$1" apt-get purge --yes "$2" </dev/null >"$work/purge.log" 2>&1 || fail "$(tail -n 20 "$work/purge.log")"; }
purge south patchbay-leaf
for path in /var/lib/patchbay /etc/patchbay /run/patchbay-leaf /sys/fs/bpf/patchbay /sys/class/net/patchbay-crypt \
    /etc/systemd/system/multi-user.target.wants/patchbay-leaf.service; do
    # The engine needs a moment to end.
    soon "the purge leaves no $path" without south test -e $path
done
soon "the purge leaves no process" without south pgrep patchbay
purge spare patchbay-controller
grep -q 'stays; remove it by hand' "$work/purge.log" || fail "the purge says nothing of the platform that it leaves"
on spare test -e $data/root.pem || fail "the purge took the platform with it"
! on spare test -e /etc/patchbay || fail "the purge left /etc/patchbay"
soon "the purge leaves no process" without spare pgrep patchbay
on spare rm -r $data
packages spare "$newer" patchbay-common patchbay patchbay-controller
purge spare patchbay-controller
! on spare test -e /var/lib/patchbay || fail "the purge left /var/lib/patchbay, where no platform was"
step "purged: the leaf without remains, the platform's keys untouched"
halt south
halt spare
echo "The packages work: $((SECONDS - began)) s"
