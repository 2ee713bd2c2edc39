#!/bin/sh
# Factory reset: forgets every later configuration and puts the delivered files back.

DIR=/opt/eurotech/esf
DATA=${DIR}/.data

/etc/init.d/monit stop
/etc/init.d/kura stop

find ${DIR}/data/snapshots -name 'snapshot_*.xml' ! -name snapshot_0.xml -exec rm -f {} +
cp ${DATA}/snapshot_0.xml ${DIR}/data/snapshots/snapshot_0.xml
cp ${DATA}/kuranet.conf ${DIR}/data/kuranet.conf
cp ${DATA}/iptables /etc/sysconfig/iptables
cp ${DATA}/interfaces /etc/network/interfaces
cp ${DATA}/hostapd-wlan0.conf /etc/hostapd-wlan0.conf
cp ${DATA}/dhcpd-eth0.conf /etc/dhcpd-eth0.conf

/etc/init.d/firewall restart
/etc/init.d/monit start
