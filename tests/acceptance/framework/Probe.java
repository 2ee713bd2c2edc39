import java.io.FileOutputStream;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/** Tries two things for which a bundle needs a permission, and says of each whether it was allowed. */
public final class Probe implements BundleActivator {
    private static final String PROPERTY = "user.language";

    @Override
    public void start(BundleContext context) {
        attempt("reads a property", () -> System.getProperty(PROPERTY));
        attempt("writes a file", () -> {
            new FileOutputStream("/dev/null").close();
            return null;
        });
    }

    @Override
    public void stop(BundleContext context) {}

    private interface Deed {
        Object run() throws Exception;
    }

    private static void attempt(String what, Deed deed) {
        String outcome;
        try {
            deed.run();
            outcome = "allowed";
        } catch (SecurityException error) {
            outcome = "denied";
        } catch (Exception error) {
            outcome = "failed: " + error;
        }
        System.out.println("probe\t" + what + "\t" + outcome);
    }
}
