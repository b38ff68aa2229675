#!/bin/sh
# mkchroot.sh MIRROR FOLDER SUITES PACKAGE...: a small Debian in FOLDER with the packages in it.
# SUITES is one suite, or two with a comma: packages then come from the second, what they need
# from either. Needs root and debootstrap; nothing is mounted.
set -eu
mirror=$1 folder=$2 suites=$3
shift 3
base=${suites%%,*} wanted=${suites##*,}

# An older debootstrap has no script for a newer suite; the one for sid serves all of them.
script=/usr/share/debootstrap/scripts/$base
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
debootstrap --variant=minbase "$base" "$folder" "$mirror" "$script"

[ "$wanted" = "$base" ] || echo "deb $mirror $wanted main" >>"$folder/etc/apt/sources.list"
cat >"$folder/etc/apt/apt.conf.d/99small" <<X
APT::Install-Recommends "false";
Acquire::Languages "none";
X
# A mirror that is a frozen snapshot holds Release files past their date: do as this machine does.
apt-config dump | grep -E '^Acquire::Check-(Valid-Until|Date) ' \
    >"$folder/etc/apt/apt.conf.d/99host" || true
cat >"$folder/etc/dpkg/dpkg.cfg.d/99small" <<X
path-exclude=/usr/share/man/*
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
X
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod +x "$folder/usr/sbin/policy-rc.d"
cp /etc/resolv.conf "$folder/etc/resolv.conf"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C
chroot "$folder" apt-get update -q
chroot "$folder" apt-get install -y -q --no-install-recommends -t "$wanted" "$@"
chroot "$folder" apt-get clean
rm -rf "$folder"/var/lib/apt/lists/*
