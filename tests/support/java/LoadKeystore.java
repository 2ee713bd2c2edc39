import java.io.FileInputStream;
import java.io.InputStream;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.TreeSet;

/**
 * Opens a keystore as gateways do: the framework without a password, TLS with it. Prints each entry; with a password
 * also whether its key opens and belongs to its certificate. The password comes from the variable STORE.
 */
public final class LoadKeystore {
    public static void main(String[] arguments) throws Exception {
        String given = System.getenv("STORE");
        char[] password = given == null ? null : given.toCharArray();
        KeyStore store = KeyStore.getInstance("JKS");
        try (InputStream stream = new FileInputStream(arguments[0])) {
            store.load(stream, password);
        }
        for (String alias : new TreeSet<>(Collections.list(store.aliases()))) {
            Certificate[] chain = store.getCertificateChain(alias);
            if (chain == null) {
                X509Certificate certificate = (X509Certificate) store.getCertificate(alias);
                System.out.println(alias + " certificate " + certificate.getSubjectX500Principal().getName());
            } else if (password == null) {
                System.out.println(alias + " key, " + chain.length + " certificates");
            } else {
                Key key = store.getKey(alias, password);
                String algorithm = chain[0].getPublicKey().getAlgorithm();
                System.out.println(alias + " key " + key.getAlgorithm() + ", " + chain.length + " certificates, "
                        + (key.getAlgorithm().equals(algorithm) ? "opens" : "of another kind"));
            }
        }
    }
}
