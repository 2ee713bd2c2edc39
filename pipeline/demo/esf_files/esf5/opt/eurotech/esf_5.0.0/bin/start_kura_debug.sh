#!/bin/sh
# Starts the framework with remote debugging on port 8000; for development only.
# Demo stand-in for the start script of ESF 5.0.0: the options are those of the real one, the Java program is not part
# of the demo image.

DIR=/opt/eurotech/esf
export MALLOC_ARENA_MAX=1

cd ${DIR} || exit 1
if ! command -v java >/dev/null 2>&1; then
	echo "ESF: no Java on this system, the framework is not started" >>/var/log/kura-console.log
	exit 1
fi

mkdir -p /tmp/.kura/configuration
cp ${DIR}/kura/config.ini /tmp/.kura/configuration/

nohup java -Xms512m \
	-Xmx512m \
	-XX:+HeapDumpOnOutOfMemoryError \
	-XX:HeapDumpPath=/var/log/kura-heapdump.hprof \
	-XX:ErrorFile=/var/log/kura-error.log \
	-verbose:gc \
	-XX:+PrintGCDetails \
	-Xloggc:/var/log/kura-gc.log \
	-Xdebug \
	-Xrunjdwp:server=y,transport=dt_socket,address=8000,suspend=n \
	-Dkura.os.version=debian \
	-Dkura.arch=x86_64 \
	-Dtarget.device=demo-gateway \
	-Declipse.ignoreApp=true \
	-Dkura.home=${DIR}/kura \
	-Dkura.configuration=file:${DIR}/kura/kura.properties \
	-Dkura.custom.configuration=file:${DIR}/kura/kura_custom.properties \
	-Dkura.data.dir=${DIR}/data \
	-Ddpa.configuration=${DIR}/kura/dpa.properties \
	-Dlog4j.configuration=file:${DIR}/kura/log4j.properties \
	-Djava.security.policy=${DIR}/kura/jdk.dio.policy \
	-Djdk.dio.registry=${DIR}/kura/jdk.dio.properties \
	-Djdk.tls.trustNameService=true \
	-jar ${DIR}/plugins/org.eclipse.osgi_3.11.1.v20160708-1632.jar \
	-configuration /tmp/.kura/configuration \
	-console 5002 \
	-consoleLog \
	>>/var/log/kura-console.log 2>>/var/log/kura-console.log &
echo $! >/var/run/kura.pid
