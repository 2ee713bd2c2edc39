"""What Kura 6 starts with, in our own words: one script, whose java stands in a variable that is evaluated."""

from __future__ import annotations

SCRIPT = """\
#!/bin/bash
export PATH=/bin:/usr/bin:$PATH
if [ -n "$(pgrep -f 'java.*org.eclipse.equinox')" ]; then
    echo "it runs already"
    exit 1
fi
DIR=$(cd $(dirname $0)/..; pwd)
cd "$DIR" || exit 1
DEBUGGED="false"
DETACHED="false"
while [[ $# -gt 0 ]]; do
    case "$1" in
    -d | --detached) DETACHED="true" ;;
    -x | --debug) DEBUGGED="true" ;;
    *) exit 1 ;;
    esac
    shift
done
mkdir -p /tmp/.kura/configuration
${DIR}/bin/gen_config_ini.sh ${DIR}/framework/config.ini ${DIR}/plugins > /tmp/.kura/configuration/config.ini
if [[ "${KURA_DEBUG_MODE}" == "true" ]]; then
    DEBUGGED="true"
fi
DEBUG_OPTS=""
CONSOLE=""
if [[ $DEBUGGED == "true" ]]; then
    DEBUG_OPTS="-Xdebug \\
        -Xrunjdwp:server=y,transport=dt_socket,address=*:8000,suspend=n \\
        -XX:+HeapDumpOnOutOfMemoryError \\
        -XX:HeapDumpPath=/var/log/kura-heapdump.hprof \\
        -XX:ErrorFile=/var/log/kura-error.log"
    CONSOLE="-console 5002 -consoleLog"
fi
LAUNCH="exec java"
if [[ $DETACHED == "true" ]]; then
    LAUNCH="nohup java"
fi
COMMAND="${LAUNCH} -Xms512m -Xmx512m \\
    $DEBUG_OPTS \\
    -XX:+IgnoreUnrecognizedVMOptions \\
    --add-opens java.base/java.lang=ALL-UNNAMED \\
    --add-modules=ALL-SYSTEM \\
    -Dorg.eclipse.kura.core.crypto.secretKey="$KURA_CRYPTO_SECRET_KEY" \\
    -Declipse.ignoreApp=true \\
    -Dkura.home=${DIR} \\
    -Dkura.configuration=file:${DIR}/framework/kura.properties \\
    -Dkura.custom.configuration=file:${DIR}/user/kura_custom.properties \\
    -Ddpa.configuration=${DIR}/packages/dpa.properties \\
    -Dlog4j.configurationFile=file:${DIR}/log4j/log4j.xml \\
    -jar ${DIR}/plugins/org.eclipse.equinox.launcher-1.7.0.jar \\
    -configuration /tmp/.kura/configuration \\
    $CONSOLE"
if [[ $DETACHED == "true" ]]; then
    eval "$COMMAND &"
    echo $! > /var/run/kura.pid
else
    eval "$COMMAND"
fi
"""

# As the genuine installer leaves it: it puts the path in behind the dollar, and the unit starts nothing.
FIREWALL_UNIT = """\
[Unit]
Description=Packet rules before the network comes up
Before=network-pre.target
Wants=network-pre.target

[Service]
Type=oneshot
ExecStart=/bin/sh -c '$/opt/eclipse/kura/bin/firewall'

[Install]
WantedBy=multi-user.target
"""

UNIT = """\
[Unit]
Description=Kura
Wants=dbus.service docker.service
After=dbus.service docker.service

[Service]
User=kurad
Group=kurad
Type=forking
ExecStart=/bin/bash /opt/eclipse/kura/bin/start_kura.sh --detached
PIDFile=/var/run/kura.pid
Restart=on-failure
KillMode=process
AmbientCapabilities=cap_dac_override cap_net_bind_service cap_sys_boot cap_kill cap_sys_time

[Install]
WantedBy=multi-user.target
"""
