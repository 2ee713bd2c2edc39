#!/bin/sh
# Starts the framework in the background; the systemd unit uses this one.
# Demo stand-in for the start script of Kura 5.6.0: the options are those of the real one, the Java program is not part
# of the demo image.

DIR=/opt/eclipse/kura
export MALLOC_ARENA_MAX=1

cd ${DIR} || exit 1
if ! command -v java >/dev/null 2>&1; then
	echo "Kura: no Java on this system, the framework is not started" >>/var/log/kura-console.log
	exit 1
fi

mkdir -p /tmp/.kura/configuration
${DIR}/bin/gen_config_ini.sh ${DIR}/framework/config.ini ${DIR}/plugins >/tmp/.kura/configuration/config.ini

nohup java -Xms512m \
	-Xmx512m \
	-XX:+HeapDumpOnOutOfMemoryError \
	-XX:HeapDumpPath=/var/log/kura-heapdump.hprof \
	-XX:ErrorFile=/var/log/kura-error.log \
	-XX:+IgnoreUnrecognizedVMOptions \
	--add-opens java.base/java.lang=ALL-UNNAMED \
	--add-opens java.base/java.util=ALL-UNNAMED \
	--add-modules=ALL-SYSTEM \
	-Dkura.os.version=debian \
	-Dkura.arch=x86_64 \
	-Dtarget.device=generic-x86_64 \
	-Declipse.ignoreApp=true \
	-Dkura.home=${DIR} \
	-Dkura.configuration=file:${DIR}/framework/kura.properties \
	-Dkura.custom.configuration=file:${DIR}/user/kura_custom.properties \
	-Ddpa.configuration=${DIR}/packages/dpa.properties \
	-Dlog4j.configurationFile=file:${DIR}/log4j/log4j.xml \
	-Djava.security.policy=${DIR}/framework/jdk.dio.policy \
	-Djdk.dio.registry=${DIR}/framework/jdk.dio.properties \
	-Djdk.tls.trustNameService=true \
	-Dosgi.console=5002 \
	-Declipse.consoleLog=true \
	-jar ${DIR}/plugins/org.eclipse.equinox.launcher_1.5.800.v20200727-1323.jar \
	-configuration /tmp/.kura/configuration \
	>>/var/log/kura-console.log 2>>/var/log/kura-console.log &
echo $! >/var/run/kura.pid
