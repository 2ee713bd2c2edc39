import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AllPermission;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;
import org.osgi.service.condpermadmin.ConditionInfo;
import org.osgi.service.condpermadmin.ConditionalPermissionAdmin;
import org.osgi.service.condpermadmin.ConditionalPermissionInfo;
import org.osgi.service.condpermadmin.ConditionalPermissionUpdate;
import org.osgi.service.permissionadmin.PermissionInfo;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Installs and starts bundles in a real OSGi framework that has a gateway's own keystore and security policy, and says
 * what became of each: who is trusted to have signed it, whether it has all permissions, whether it started, whether
 * every file in it could be read.
 *
 * <p>Arguments: certificates.ks, security.policy, directory of the framework, then the bundles. One line a bundle, fields
 * separated by tabs. The policy is read here by a parser of its own: nothing of the pipeline is believed.
 */
public final class Harness {
    private static final String CONDITIONS = "org.osgi.service.condpermadmin.";

    public static void main(String[] arguments) throws Exception {
        Map<String, String> settings = new HashMap<>();
        settings.put("org.osgi.framework.security", "osgi");
        settings.put("osgi.signedcontent.support", "all");
        settings.put("osgi.framework.keystore", Path.of(arguments[0]).toUri().toString());
        settings.put("org.osgi.framework.storage", arguments[2]);
        settings.put("org.osgi.framework.storage.clean", "onFirstInit");
        settings.put("org.osgi.framework.bsnversion", "multiple");
        Framework framework = ServiceLoader.load(FrameworkFactory.class).iterator().next().newFramework(settings);
        framework.start();
        try {
            BundleContext context = framework.getBundleContext();
            System.out.println("rows\t" + apply(context, Path.of(arguments[1])));
            for (int index = 3; index < arguments.length; index++) {
                System.out.println(verdict(context, Path.of(arguments[index])));
            }
        } finally {
            framework.stop();
            framework.waitForStop(30_000);
        }
        System.exit(0);
    }

    /** Makes the file's policies the framework's rows, in the order of the file: the first that decides wins. */
    private static int apply(BundleContext context, Path policy) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        Document document = factory.newDocumentBuilder().parse(policy.toFile());
        ConditionalPermissionAdmin admin =
                context.getService(context.getServiceReference(ConditionalPermissionAdmin.class));
        ConditionalPermissionUpdate update = admin.newConditionalPermissionUpdate();
        List<ConditionalPermissionInfo> rows = update.getConditionalPermissionInfos();
        rows.clear();
        for (Element element : below(document.getDocumentElement(), "policies", "policy")) {
            List<ConditionInfo> conditions = new ArrayList<>();
            for (Element condition : below(element, "conditions", "condition")) {
                conditions.add(new ConditionInfo(
                        CONDITIONS + text(condition, "name"), new String[] {text(condition, "value")}));
            }
            List<PermissionInfo> permissions = new ArrayList<>();
            for (Element permission : below(element, "permissions", "permission")) {
                List<Element> values = below(permission, "values", "value");
                permissions.add(new PermissionInfo(
                        text(permission, "name"), value(values, 0), value(values, 1)));
            }
            rows.add(admin.newConditionalPermissionInfo(
                    text(element, "name"),
                    conditions.toArray(new ConditionInfo[0]),
                    permissions.toArray(new PermissionInfo[0]),
                    text(element, "access")));
        }
        if (!update.commit()) {
            throw new IllegalStateException("the framework did not take the policy");
        }
        return rows.size();
    }

    private static String verdict(BundleContext context, Path file) throws Exception {
        String name = file.getFileName().toString();
        Bundle bundle;
        try {
            bundle = context.installBundle(file.toUri().toString());
        } catch (Exception error) {
            return String.join("\t", "bundle", name, "-", "-", "not installed: " + why(error), "-");
        }
        String signers = bundle.getSignerCertificates(Bundle.SIGNERS_TRUSTED).values().stream()
                .map(Harness::chain)
                .sorted()
                .collect(Collectors.joining(" | "));
        boolean everything = bundle.hasPermission(new AllPermission());
        String files = readAll(bundle);
        String started;
        try {
            bundle.start();
            started = bundle.getState() == Bundle.ACTIVE ? "started" : "not active";
            bundle.stop();
        } catch (Throwable error) {
            started = "refused: " + why(error);
        }
        bundle.uninstall();
        return String.join(
                "\t", "bundle", name, signers.isEmpty() ? "nobody" : signers, everything ? "all" : "none", started, files);
    }

    private static String chain(List<X509Certificate> certificates) {
        return certificates.stream()
                .map(certificate -> certificate.getSubjectX500Principal().getName())
                .collect(Collectors.joining(";"));
    }

    private static String readAll(Bundle bundle) {
        for (URL entry : Collections.list(bundle.findEntries("/", "*", true))) {
            if (entry.getPath().endsWith("/")) {
                continue;
            }
            try (InputStream stream = entry.openStream()) {
                stream.readAllBytes();
            } catch (Exception error) {
                return entry.getPath() + " cannot be read";
            }
        }
        return "intact";
    }

    private static String why(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return (cause.getClass().getSimpleName() + ": " + cause.getMessage()).replaceAll("\\s+", " ");
    }

    /** Child elements of a name, below the children of another name. */
    private static List<Element> below(Element parent, String outer, String inner) {
        return children(parent, outer).stream()
                .flatMap(element -> children(element, inner).stream())
                .collect(Collectors.toList());
    }

    private static List<Element> children(Element parent, String name) {
        List<Element> found = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element && name.equals(node.getLocalName())) {
                found.add((Element) node);
            }
        }
        return found;
    }

    private static String text(Element parent, String name) {
        return children(parent, name).get(0).getTextContent().strip();
    }

    private static String value(List<Element> values, int index) {
        return index < values.size() ? values.get(index).getTextContent().strip() : null;
    }
}
