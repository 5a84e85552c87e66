// A real HDFS in one process: a name node and a data node, with WebHDFS. Prints the name node's address, ends with its input.
import java.io.File;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

public class MiniDfs {
  public static void main(String[] arguments) throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, new File(arguments[0]).getAbsolutePath());
    configuration.setBoolean("dfs.permissions.enabled", true);
    MiniDFSCluster cluster = new MiniDFSCluster.Builder(configuration).numDataNodes(1).build();
    cluster.waitActive();
    System.out.println("READY " + cluster.getNameNode().getHttpAddress().getPort());
    while (System.in.read() >= 0) {}
    cluster.shutdown();
    System.exit(0);
  }
}
