// Runs the firewall service of a Kura release, compiled from its public sources, on settings and on files of rules.
//
// java KuraFirewall settings DIR   for each DIR/N.settings (open ports, forwarding, NAT: one line each) what Kura saves:
//                                  N.iptables, N.saved (the component's configuration) and N.restarted (after a restart)
// java KuraFirewall files DIR      for each DIR/N.rules, loaded as at boot together with the custom script DIR/N.cust:
//                                  what is in force (N.before) and what after one and two saves in the console (N.once,
//                                  N.twice); N.thrown where the configuration could not be had
//
//                                  with DIR/N.told (three lines of a snapshot) also a rollback to it (N.rolledback), and
//                                  with DIR/N.starts a first start with it; each with what is in force then (-live)
//
// To be run in a network and mount namespace of its own, with /etc/sysconfig and /etc/init.d empty: kura_firewall.py.

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

public class KuraFirewall {

    static final Path RULES = Path.of("/etc/sysconfig/iptables");
    static final Path CUSTOM = Path.of("/etc/init.d/firewall_cust");
    static final String[] NAMES = { "firewall.open.ports", "firewall.port.forwarding", "firewall.nat" };
    static final String FIREWALL = "org.eclipse.kura.linux.net.iptables.LinuxFirewall";
    static final String SERVICE = "org.eclipse.kura.net.admin.FirewallConfigurationServiceImpl";

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[1]);
        String ending = args[0].equals("settings") ? ".settings" : ".rules";
        String[] names = directory.toFile().list((d, name) -> name.endsWith(ending));
        Arrays.sort(names);
        for (String name : names) {
            Path given = directory.resolve(name);
            String stem = name.substring(0, name.length() - ending.length());
            if (args[0].equals("settings")) {
                settings(given, directory, stem);
            } else {
                files(given, directory, stem);
            }
        }
        System.exit(0);
    }

    static void settings(Path given, Path directory, String stem) throws Exception {
        fresh("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*nat\nCOMMIT\n");
        List<String> lines = Files.readAllLines(given);
        Map<String, Object> values = new HashMap<>();
        for (int i = 0; i < NAMES.length; i++) {
            values.put(NAMES[i], i < lines.size() ? lines.get(i) : "");
        }
        Object service = start(values);
        call(service, "updated", values);
        Files.write(directory.resolve(stem + ".saved"), told(service));
        Files.copy(RULES, directory.resolve(stem + ".iptables"));
        try {
            forget();
            Files.write(directory.resolve(stem + ".restarted"), told(start(null)));
        } catch (Throwable thrown) {
            Files.writeString(directory.resolve(stem + ".thrown"), root(thrown).toString());
        }
    }

    static void files(Path given, Path directory, String stem) throws Exception {
        Files.deleteIfExists(CUSTOM);
        Path custom = directory.resolve(stem + ".cust");
        if (Files.exists(custom)) {
            Files.copy(custom, CUSTOM);
        }
        fresh(Files.readString(given));
        if (Files.exists(CUSTOM)) {
            run("sh", CUSTOM.toString());
        }
        Files.write(directory.resolve(stem + ".before"), live());
        Path told = directory.resolve(stem + ".told");
        if (Files.exists(told) && Files.exists(directory.resolve(stem + ".starts"))) {
            applied(told, directory, stem + ".started");
        }
        for (String round : new String[] { ".once", ".twice" }) {
            forget();
            try {
                Object service = start(null);
                Map<String, Object> values = configuration(service);
                call(service, "updated", values);
            } catch (Throwable thrown) {
                Files.writeString(directory.resolve(stem + ".thrown"), root(thrown).toString());
                try {  // the console fails, and a change of the network still writes the rules
                    Object firewall = firewall();
                    firewall.getClass().getMethod("enable").invoke(firewall);
                } catch (Throwable again) {
                    return;
                }
            }
            Files.copy(RULES, directory.resolve(stem + round));
            Files.write(directory.resolve(stem + round + "-live"), live());
        }
        if (Files.exists(told)) {
            applied(told, directory, stem + ".rolledback");
        }
    }

    /** What a snapshot says of the firewall, applied: a first start from Kura 5 on, a rollback in every release. */
    static void applied(Path told, Path directory, String name) throws Exception {
        List<String> lines = Files.readAllLines(told);
        Map<String, Object> values = new HashMap<>();
        for (int i = 0; i < NAMES.length; i++) {
            values.put(NAMES[i], i < lines.size() ? lines.get(i) : "");
        }
        forget();
        call(start(values), "updated", values);
        Files.copy(RULES, directory.resolve(name));
        Files.write(directory.resolve(name + "-live"), live());
    }

    static byte[] live() throws IOException {
        return new ProcessBuilder("iptables-save").start().getInputStream().readAllBytes();
    }

    static void fresh(String rules) throws Exception {
        for (String table : new String[] { "filter", "nat", "mangle" }) {
            run("iptables", "-t", table, "-F");
            run("iptables", "-t", table, "-X");
        }
        Files.writeString(RULES, rules);
        run("iptables-restore", RULES.toString());
        forget();
    }

    static void forget() throws Exception {
        for (Field field : Class.forName(FIREWALL).getDeclaredFields()) {
            if (field.getType().getName().equals(FIREWALL)) {
                field.setAccessible(true);
                field.set(null, null);
            }
        }
    }

    static Object start(Map<String, Object> values) throws Exception {
        Object service = Class.forName(SERVICE).getDeclaredConstructor().newInstance();
        for (Method method : service.getClass().getMethods()) {
            Class<?>[] types = method.getParameterTypes();
            if (types.length == 1 && types[0].isInterface() && method.getName().startsWith("set")
                    && !List.class.isAssignableFrom(types[0])) {
                method.invoke(service, stand(types[0]));
            }
        }
        Object first = firewall();
        for (Class<?> type = service.getClass(); type != null; type = type.getSuperclass()) {
            for (Field field : type.getDeclaredFields()) {
                if (field.getType() != Object.class && field.getType().isInstance(first)) {
                    field.setAccessible(true);
                    field.set(service, first);
                }
            }
        }
        return service;
    }

    static Object firewall() throws Exception {
        for (Method method : Class.forName(FIREWALL).getMethods()) {
            if (method.getName().equals("getInstance")) {
                Class<?>[] types = method.getParameterTypes();
                return types.length == 0 ? method.invoke(null) : method.invoke(null, stand(types[0]));
            }
        }
        throw new IllegalStateException("no getInstance");
    }

    static List<String> told(Object service) throws Exception {
        Map<String, Object> values = configuration(service);
        List<String> lines = new ArrayList<>();
        for (String name : NAMES) {
            lines.add(String.valueOf(values.get(name)));
        }
        return lines;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> configuration(Object service) throws Exception {
        Object configuration = service.getClass().getMethod("getConfiguration").invoke(service);
        Method properties = configuration.getClass().getMethod("getConfigurationProperties");
        return (Map<String, Object>) properties.invoke(configuration);
    }

    static void call(Object target, String name, Map<String, Object> values) throws Exception {
        Method method = target.getClass().getMethod(name, Map.class);
        method.invoke(target, values);
    }

    /** A service that does nothing, except that commands are run. */
    static Object stand(Class<?> type) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getName().equals("execute") && method.getParameterCount() == 1) {
                return executed(arguments[0]);
            }
            Class<?> result = method.getReturnType();
            return result == boolean.class ? (Object) Boolean.FALSE : null;
        };
        return Proxy.newProxyInstance(KuraFirewall.class.getClassLoader(), new Class<?>[] { type }, handler);
    }

    static Object executed(Object command) throws Exception {
        String[] words = (String[]) command.getClass().getMethod("getCommandLine").invoke(command);
        Object out = command.getClass().getMethod("getOutputStream").invoke(command);
        Process process = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        byte[] said = process.getInputStream().readAllBytes();
        int code = process.waitFor();
        if (out != null) {
            ((java.io.OutputStream) out).write(said);
        }
        Class<?> exit = Class.forName("org.eclipse.kura.executor.ExitStatus");
        Object status = Proxy.newProxyInstance(exit.getClassLoader(), new Class<?>[] { exit },
                (proxy, method, arguments) -> method.getName().equals("isSuccessful") ? (Object) (code == 0) : code);
        Class<?> type = Class.forName("org.eclipse.kura.executor.CommandStatus");
        Object answer = type.getConstructors()[0].newInstance(command, status);
        type.getMethod("setOutputStream", java.io.OutputStream.class).invoke(answer, out);
        return answer;
    }

    static void run(String... words) throws IOException, InterruptedException {
        new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(new File("/dev/null")).start().waitFor();
    }

    static Throwable root(Throwable thrown) {
        return thrown.getCause() == null ? thrown : root(thrown.getCause());
    }
}
