// Installs deployment packages with the classes of Felix DeploymentAdmin itself, each into an empty storage.
//
// java FelixInstall DIR    for each DIR/*.dp one line: the name, a tab, "installed" or why not
//
// The framework around it is a stand-in that takes a bundle's name and version from its manifest and starts nothing.

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.jar.JarInputStream;
import java.util.jar.Manifest;

import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.FrameworkListener;
import org.osgi.framework.Version;

public class FelixInstall {

    static final String ADMIN = "org.apache.felix.deploymentadmin.DeploymentAdminImpl";

    public static void main(String[] args) throws Exception {
        File[] files = new File(args[0]).listFiles((directory, name) -> name.endsWith(".dp"));
        Arrays.sort(files);
        for (File file : files) {
            Path storage = Files.createTempDirectory("felix");
            System.out.println(file.getName() + "\t" + install(file, storage));
            try (var paths = Files.walk(storage)) {
                paths.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
        System.exit(0);
    }

    static String install(File file, Path storage) throws Exception {
        Object admin = Class.forName(ADMIN).getDeclaredConstructor().newInstance();
        List<Bundle> bundles = new ArrayList<>();
        List<FrameworkListener> listeners = new ArrayList<>();
        for (Field field : admin.getClass().getDeclaredFields()) {
            if (field.getType().isInterface() && field.getType().getName().startsWith("org.osgi.")) {
                field.setAccessible(true);
                boolean context = field.getType() == BundleContext.class;
                field.set(admin, context ? context(storage, bundles, listeners) : stand(field.getType(), listeners));
            }
        }
        try (InputStream input = new FileInputStream(file)) {
            Method method = admin.getClass().getMethod("installDeploymentPackage", InputStream.class);
            method.invoke(admin, input);
            return "installed";
        } catch (java.lang.reflect.InvocationTargetException thrown) {
            Throwable cause = thrown.getCause();
            return cause.getClass().getSimpleName() + ": " + String.valueOf(cause.getMessage()).replaceAll("\\s+", " ");
        }
    }

    static BundleContext context(Path storage, List<Bundle> bundles, List<FrameworkListener> listeners) {
        return (BundleContext) Proxy.newProxyInstance(FelixInstall.class.getClassLoader(),
                new Class<?>[] { BundleContext.class }, (proxy, method, arguments) -> {
                    switch (method.getName()) {
                    case "getDataFile":
                        return storage.resolve((String) arguments[0]).toFile();
                    case "getBundles":
                        return bundles.toArray(new Bundle[0]);
                    case "installBundle":
                        return installed((String) arguments[0], (InputStream) arguments[1], bundles);
                    case "getServiceReferences":
                        return null;
                    case "addFrameworkListener":
                        listeners.add((FrameworkListener) arguments[0]);
                        return null;
                    default:
                        return nothing(method);
                    }
                });
    }

    static Bundle installed(String location, InputStream stream, List<Bundle> bundles) throws Exception {
        for (Bundle known : bundles) {
            if (known.getLocation().equals(location)) {
                return known;
            }
        }
        Manifest manifest = new JarInputStream(new ByteArrayInputStream(stream.readAllBytes())).getManifest();
        if (manifest == null) {
            throw new BundleException("no manifest");
        }
        Hashtable<String, String> headers = new Hashtable<>();
        for (Map.Entry<Object, Object> entry : manifest.getMainAttributes().entrySet()) {
            headers.put(entry.getKey().toString(), ((String) entry.getValue()).trim());
        }
        String name = headers.getOrDefault("Bundle-SymbolicName", "").split(";")[0].trim();
        Version version;
        try {
            version = Version.parseVersion(headers.get("Bundle-Version"));
        } catch (IllegalArgumentException wrong) {
            throw new BundleException("invalid version", wrong);
        }
        if (name.isEmpty()) {
            throw new BundleException("no symbolic name");
        }
        Bundle bundle = (Bundle) Proxy.newProxyInstance(FelixInstall.class.getClassLoader(),
                new Class<?>[] { Bundle.class }, (proxy, method, arguments) -> {
                    switch (method.getName()) {
                    case "getSymbolicName":
                        return name;
                    case "getVersion":
                        return version;
                    case "getHeaders":
                        return headers;
                    case "getLocation":
                        return location;
                    case "hashCode":
                        return System.identityHashCode(proxy);
                    case "equals":
                        return proxy == arguments[0];
                    default:
                        return nothing(method);
                    }
                });
        bundles.add(bundle);
        return bundle;
    }

    /** A service that does nothing, except that packages are refreshed at once. */
    static Object stand(Class<?> type, List<FrameworkListener> listeners) {
        return Proxy.newProxyInstance(FelixInstall.class.getClassLoader(), new Class<?>[] { type },
                (proxy, method, arguments) -> {
                    if (method.getName().equals("refreshPackages")) {
                        Bundle nobody = (Bundle) stand(Bundle.class, listeners);
                        for (FrameworkListener listener : new ArrayList<>(listeners)) {
                            listener.frameworkEvent(
                                    new FrameworkEvent(FrameworkEvent.PACKAGES_REFRESHED, nobody, null));
                        }
                    }
                    return nothing(method);
                });
    }

    static Object nothing(Method method) {
        Class<?> type = method.getReturnType();
        if (type == boolean.class) {
            return Boolean.TRUE;
        }
        if (type == int.class) {
            return 0;
        }
        if (type == long.class) {
            return 0L;
        }
        return null;
    }
}
