#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# MySQL proper for the tests: Debian 12 has only MariaDB, so its server comes from Debian's unstable suite, unpacked into a
# folder of its own (with the libc it wants) and never installed. Says "root FOLDER", or "why REASON" and ends with 1.
# Signatures are checked; only the index's date is not, for mirrors stand still. Kept for the next run in $AJAR_TEST_CACHE, else
# /var/cache/ajar-tests. The download is given three minutes; 40 MB come, 270 MB are unpacked.
cache=${AJAR_TEST_CACHE:-/var/cache/ajar-tests}
root=$cache/mysql
why() {
	echo "why $*"
	exit 1
}
has() {
	[ -x "$root/usr/sbin/mysqld" ] && [ -d "$root/data/mysql" ] && [ -f "$root/whole" ]
}
has && echo "root $root" && exit 0
[ "$(id -u)" = 0 ] || why "it is not in $cache, and only root can put it there"
for tool in apt-get dpkg-deb flock; do
	command -v $tool >/dev/null || why "there is no $tool here"
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keys" ] || why "Debian's keys are missing: install debian-archive-keyring"
mirror=$(sed -n 's/^URIs: *\([^ ]*\/debian\)\/* *$/\1/p; s/^deb .*\(https*:[^ ]*\/debian\)\/* .*/\1/p' \
	/etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | head -1)
mkdir -p "$cache" || why "the folder $cache cannot be made"
exec 9>"$cache/lock"
flock -w 300 9 || why "another run has been fetching it for five minutes"
has && echo "root $root" && exit 0

T=$(mktemp -d "$cache/get-XXXXXX") || why "no room in $cache"
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$T/lists/partial" "$T/archives/partial" "$T/etc" "$T/new"
: >"$T/status"
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} sid main" >"$T/sources.list"
cat >"$T/apt.conf" <<-EOF
	Dir "/";
	Dir::Etc "$T/etc";
	Dir::Etc::SourceList "$T/sources.list";
	Dir::Etc::SourceParts "-";
	Dir::State::Lists "$T/lists";
	Dir::State::Status "$T/status";
	Dir::Cache "$T";
	Dir::Cache::Archives "$T/archives";
	Dir::Log "$T";
	Debug::NoLocking "true";
	APT::Install-Recommends "false";
	APT::Sandbox::User "root";
	Acquire::Check-Valid-Until "false";
	Acquire::Languages "none";
	Acquire::http::Timeout "20";
	Acquire::Retries "1";
EOF
# What apt said last is the reason, without the mirror's address.
said() { sed -n 's/^E: //p' "$T/log" | tail -1 | sed 's|https*://[^ ]*|the mirror|g'; }
export APT_CONFIG="$T/apt.conf" DEBIAN_FRONTEND=noninteractive
timeout 60 apt-get -q update >"$T/log" 2>&1 || why "the index of Debian's unstable suite cannot be had: $(said)"
timeout 120 apt-get -q -y --download-only install mysql-server-core >"$T/log" 2>&1 || why "mysql-server-core cannot be had: $(said)"
# Its client library's headers, too: what we write must compile against both.
(cd "$T/archives" && timeout 30 apt-get -q download libmysqlclient-dev) >"$T/log" 2>&1 || why "libmysqlclient-dev cannot be had: $(said)"
for deb in "$T"/archives/*.deb; do
	dpkg-deb -x "$deb" "$T/new" || why "a package cannot be unpacked: is $cache full?"
done
[ -x "$T/new/usr/sbin/mysqld" ] || why "the packages have no mysqld"
# An empty server, for each private one to begin with a copy of: to make it anew takes seconds.
chmod 755 "$T" "$T/new"
owner=65432 # of no account: a number is enough, and none has to be made
install -d -o $owner -m 755 "$T/new/data"
rm -rf "$root"
mv "$T/new" "$root" || why "it cannot be put into $cache"
lib=$root/usr/lib/x86_64-linux-gnu
timeout 120 setpriv --reuid $owner --regid $owner --clear-groups "$root"/usr/lib64/ld-linux-*.so.* --library-path "$lib" \
	"$root/usr/sbin/mysqld" --no-defaults --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql" --mysqlx=OFF \
	--secure-file-priv=NULL --innodb-redo-log-capacity=16M --initialize-insecure --datadir="$root/data" >"$T/log" 2>&1 ||
	why "mysqld does not run here: $(tail -1 "$T/log")"
rm -f "$root/data/auto.cnf" # the server's identity
chmod -R a+rX "$root/data"
: >"$root/whole"
has || why "the packages have no mysqld"
echo "root $root"
