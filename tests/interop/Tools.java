// Runs Apache Kafka's tools one after another in one JVM. A line of stdin is a tool's class and its
// arguments, parted by tabs; after what the tool prints stands a line with its exit code.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import org.apache.kafka.common.utils.Exit;

public class Tools {
    static class Ended extends Error {
        final int code;

        Ended(int code) {
            this.code = code;
        }
    }

    static int run(String[] words) throws Exception {
        Object arguments = Arrays.copyOfRange(words, 1, words.length);
        try {
            Class.forName(words[0]).getMethod("main", String[].class).invoke(null, arguments);
            return 0;
        } catch (InvocationTargetException error) {
            if (error.getCause() instanceof Ended ended) return ended.code;
            error.getCause().printStackTrace(System.out);
            return 1;
        }
    }

    public static void main(String[] arguments) throws Exception {
        Exit.Procedure end = (code, message) -> {
            throw new Ended(code);
        };
        Exit.setExitProcedure(end);
        Exit.setHaltProcedure(end);
        System.setErr(System.out);
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int code = run(line.split("\t", -1));
            System.out.println("\nexit " + code);
            System.out.flush();
        }
    }
}
