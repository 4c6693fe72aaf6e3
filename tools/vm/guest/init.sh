#!/bin/busybox sh
# The first program on the machine's disk: makes it look like a host, runs the tests of /tests/order one after the other,
# and says on the console what the program outside reads: lines that begin with @@.
#
# What a test finds here: root with every capability; cgroup v2 alone, each package in a group of its own below
# system.slice with all controllers, as systemd starts a service; an ext4 root; xfs with project quotas at /xfs
# (MESETA_XFS); bpffs and tracefs; the host's programs of Debian's essential packages, and
# busybox's besides; the reference CNI plugins in /usr/lib/cni; the users root, nobody and
# tester (1000); no network but lo.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp MESETA_VM=1 MESETA_XFS=/xfs
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 -o nsdelegate cgroup /sys/fs/cgroup
mount -t xfs -o prjquota /dev/vdb /xfs || echo "@@ problem no xfs"
mount --make-rshared /
ip link set lo up
hostname machine
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$c" >/sys/fs/cgroup/cgroup.subtree_control; done
mkdir /sys/fs/cgroup/system.slice
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$c" >/sys/fs/cgroup/system.slice/cgroup.subtree_control; done
echo # the firmware's line has no end
echo "@@ up $(cut -d' ' -f1 /proc/uptime) $(uname -r)"

each=$(cat /tests/each)
n=0
while read -r dir pattern; do
	n=$((n + 1))
	group=/sys/fs/cgroup/system.slice/test-$n.service
	mkdir "$group"
	echo "@@ begin $dir"
	(
		echo 0 >"$group/cgroup.procs"
		cd "/tests/$dir" && exec ./package.test -test.v -test.timeout="$each" -test.run="${pattern:-.}" </dev/null
	) 2>&1
	status=$?
	echo
	left=$(find "$group" -mindepth 1 -type d | wc -l)
	[ "$left" = 0 ] || echo "@@ problem $dir left $left control groups"
	echo 1 >"$group/cgroup.kill"
	find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null
	echo "@@ end $dir $status"
done </tests/order
echo "@@ done $(cut -d' ' -f1 /proc/uptime)"
poweroff -f
