#!/bin/sh
# Factory reset: forgets every later configuration and puts the delivered files back.

DIR=/opt/eclipse/kura
DATA=${DIR}/.data

systemctl stop kura

find ${DIR}/user/snapshots -name 'snapshot_*.xml' ! -name snapshot_0.xml -exec rm -f {} +
cp ${DATA}/snapshot_0.xml ${DIR}/user/snapshots/snapshot_0.xml
chown kurad:kurad ${DIR}/user/snapshots/snapshot_0.xml
cp ${DATA}/iptables /etc/sysconfig/iptables

systemctl restart firewall
systemctl start kura
