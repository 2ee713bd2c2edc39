"""What the installers of Kura 3, 4 and 5.0 lay down outside the installation, in our own words."""

from __future__ import annotations

# Restores what a variable names, then reads a file that no installer makes.
FIREWALL = """\
#!/bin/bash
### BEGIN INIT INFO
# Provides:          firewall
# Required-Start:    $network $remote_fs $syslog
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Packet rules
### END INIT INFO

rules_file=/etc/sysconfig/iptables
forward_file=/proc/sys/net/ipv4/ip_forward
forwarding=false;
iptables-restore < $rules_file
while IFS='' read -r line || [[ -n "$line" ]]; do
    if [[ $line =~ "-A FORWARD" ]]; then
        forwarding=true
        break
    fi
done < $rules_file
if [ $forwarding = true ]; then
    echo "1" > $forward_file
else
    echo "0" > $forward_file
fi
# rules of this site
source /etc/init.d/firewall_cust 2> /dev/null
"""

KURA = """\
#! /bin/sh
### BEGIN INIT INFO
# Provides:          kura
# Required-Start:    $all
# Required-Stop:     $all
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Kura
### END INIT INFO

BASE=/opt/eclipse

kura=${BASE}/kura/bin/start_kura_background.sh
pidfile=/var/run/kura.pid

export PATH=$PATH:/usr/java/bin

test -x "$kura" || exit 0

case "$1" in
  start)
    echo -n "Starting Kura"
    start-stop-daemon --start --quiet --exec $kura
    RETVAL=$?
    echo "."
    ;;
  stop)
    echo -n "Stopping Kura"
    start-stop-daemon --stop --quiet --pidfile $pidfile
    RETVAL=$?
    echo "."
    ;;
  restart)
    $0 stop
    $0 start
    RETVAL=$?
    ;;
  status)
    $kura status
    RETVAL=$?
    ;;
  *)
    echo "Usage: $0 {start|stop|restart|status}"
    exit 1
esac

exit $RETVAL
"""

MONIT = """\
set daemon 5
set logfile syslog facility log_daemon
set statefile /var/.monit.state
check system localhost
   if memory usage > 75% then alert
check process kura with pidfile "/var/run/kura.pid"
   start program = "/etc/init.d/kura start"
   stop  program = "/etc/init.d/kura stop"
   if cpu usage > 80% for 5 cycles then alert
"""

HOOK = """\
#!/bin/sh
# Tells the framework that a link has changed; it looks at these two files.
echo "$IFACE" > /tmp/.kura/coninfo
"""

ROTATION = "/var/log/kura*.log {\n    rotate 5\n    size 5M\n    missingok\n    copytruncate\n}\n"

UNIT_5_0 = """\
[Unit]
Description=Eclipse Kura
Wants=networking.service dbus.service
After=networking.service dbus.service

[Service]
User=kurad
Group=kurad
Type=forking
ExecStart=/bin/sh /opt/eclipse/kura/bin/start_kura_background.sh
ExecStopPost=/bin/sh -c 'if [ -f /tmp/watchdog ]; then echo w > `cat /tmp/watchdog`; fi'
PIDFile=/var/run/kura.pid
Restart=on-failure
RestartSec=5
SuccessExitStatus=143
KillMode=process
AmbientCapabilities=cap_net_admin cap_net_raw cap_dac_override cap_dac_read_search cap_net_bind_service cap_sys_boot \
cap_kill cap_sys_module cap_sys_time cap_sys_tty_config cap_syslog

[Install]
WantedBy=multi-user.target
"""
