#!/bin/sh
# The guest's first process: modules, the test's own /setup, an echo, and at last what the kernel counted.
export PATH=/bin HOME=/tmp
# iproute2's ip is always called by its path: busybox prefers its own, which knows no xfrm.
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
exec </dev/null >/dev/ttyS0 2>&1
echo 1 >/proc/sys/kernel/printk
for module in /modules/*.ko; do insmod "$module" || echo "GUEST-FAILED $module"; done
/bin/ip link set lo up
# At its first error the setup ends and names the line.
sh -ex /setup || echo "GUEST-FAILED setup"
perl /guest.pl
echo "GUEST-STATE"
/bin/ip -s xfrm state
cat /proc/net/xfrm_stat
echo "GUEST-END"
poweroff -f
