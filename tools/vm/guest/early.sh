#!/bin/busybox sh
# The first program of the machine: modules, then the disk with everything else.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
while read -r m; do
	# dummy makes a link by itself when it is not told otherwise.
	/bin/busybox insmod "/modules/$m" $([ "$m" != dummy.ko ] || echo numdummies=0) || echo "@@ problem module $m does not load"
done </modules/order
/bin/busybox umount /proc
/bin/busybox mount -t ext4 /dev/vda /root || echo "@@ problem no disk"
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
