// Registers a VIM and prints what becomes of it, or reports on one: see samples/README.md.
//
//   build/client register http://10.0.0.5:5000/v3
//   build/client report VIM_ID

import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import vimesh.v1.ConductorServiceGrpc;
import vimesh.v1.Monitor;
import vimesh.v1.RegisterVimRequest;
import vimesh.v1.UpdateVimRequest;
import vimesh.v1.UpdateVimResponse;
import vimesh.v1.Vim;
import vimesh.v1.VimEvent;
import vimesh.v1.VimServiceGrpc;
import vimesh.v1.WatchVimsRequest;
import vimesh.v1.WatchVimsResponse;

public final class Client {
  private static final long CALL_LIMIT_S = 10;

  /** The conductor or the connection failed: another attempt may find another conductor. */
  private static final Set<Status.Code> PASSING =
      EnumSet.of(
          Status.Code.UNAVAILABLE,
          Status.Code.INTERNAL,
          Status.Code.UNKNOWN,
          Status.Code.CANCELLED,
          Status.Code.DEADLINE_EXCEEDED,
          Status.Code.RESOURCE_EXHAUSTED);

  public static void main(String[] arguments) throws Exception {
    String command = arguments.length == 2 ? arguments[0] : "";
    if (!command.equals("register") && !command.equals("report")) {
      System.err.println("usage: client register AUTH_URL | report VIM_ID");
      System.exit(2);
    }
    ManagedChannel channel = open();
    try {
      if (command.equals("register")) {
        VimServiceGrpc.VimServiceBlockingStub vims = VimServiceGrpc.newBlockingStub(channel);
        Vim vim = register(vims, arguments[1]);
        System.out.println(vim.getRevision() + " REGISTERED " + vim.getStatus() + " " + vim.getId());
        follow(vims, vim);
      } else {
        report(ConductorServiceGrpc.newBlockingStub(channel), arguments[1]);
        System.out.println("bad_action: not wanted any more");
      }
    } catch (StatusRuntimeException error) {
      System.err.println(error.getMessage());
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }

  private static ManagedChannel open() throws IOException {
    NettyChannelBuilder builder =
        NettyChannelBuilder.forTarget(System.getenv().getOrDefault("VIMESH_ADDRESS", "127.0.0.1:7600"))
            // The front is nearby. A proxy set in the environment is meant for remote hosts.
            .proxyDetector(address -> null)
            // A peer that vanishes silently is noticed within 30 s, even if only a watch is open.
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS);
    String folder = System.getenv("VIMESH_CREDENTIALS");
    if (folder == null || folder.isEmpty()) {
      return builder.usePlaintext().build();
    }
    return builder
        .sslContext(
            GrpcSslContexts.forClient()
                .trustManager(new File(folder, "ca.crt"))
                .keyManager(new File(folder, "tls.crt"), new File(folder, "tls.key"))
                .build())
        .build();
  }

  private static Vim register(VimServiceGrpc.VimServiceBlockingStub vims, String authUrl) throws InterruptedException {
    RegisterVimRequest request =
        RegisterVimRequest.newBuilder()
            .setVim(
                Vim.newBuilder().setName("sample-" + UUID.randomUUID()).setType("openstack").setAuthUrl(authUrl))
            .setEngine(Monitor.Engine.EXTERNAL)
            // Repeating the call with the same request_id is answered with the same VIM.
            .setRequestId(UUID.randomUUID().toString())
            .build();
    Backoff backoff = new Backoff();
    for (int attempt = 1; ; attempt++) {
      try {
        return vims.withDeadlineAfter(CALL_LIMIT_S, TimeUnit.SECONDS).registerVim(request).getVim();
      } catch (StatusRuntimeException error) {
        if (error.getStatus().getCode() != Status.Code.UNAVAILABLE || attempt == 4) {
          throw error;
        }
        backoff.pause();
      }
    }
  }

  /** Prints every change from the one after the registration on, across disconnects, until the VIM is deregistered. */
  private static void follow(VimServiceGrpc.VimServiceBlockingStub vims, Vim vim) throws InterruptedException {
    WatchVimsRequest.Builder request =
        WatchVimsRequest.newBuilder().setVimId(vim.getId()).setStartRevision(vim.getRevision() + 1);
    Backoff backoff = new Backoff();
    while (true) {
      Context.CancellableContext stream = Context.current().withCancellation();
      Context before = stream.attach();
      try {
        Iterator<WatchVimsResponse> responses = vims.watchVims(request.build());
        while (responses.hasNext()) {
          WatchVimsResponse response = responses.next();
          backoff.reset();
          for (VimEvent event : response.getEventsList()) {
            String line =
                event.getRevision() + " " + event.getKind() + " " + event.getStatus() + " " + event.getReason();
            System.out.println(line.trim());
            if (event.getKind() == VimEvent.Kind.DEREGISTERED) {
              return;
            }
          }
          if (!response.getLogId().isEmpty()) {
            request.setLogId(response.getLogId());
          }
          if (response.getRevision() != 0) {
            request.setStartRevision(response.getRevision() + 1);
          }
        }
        // Conductors end each stream after some minutes; then there is nothing wrong.
      } catch (StatusRuntimeException error) {
        if (!PASSING.contains(error.getStatus().getCode())) {
          throw error;
        }
        System.err.println("goes on after: " + error.getMessage());
        backoff.pause();
      } finally {
        stream.detach(before);
        stream.cancel(null);
      }
    }
  }

  /** Reports until the ping action is not wanted any more: nothing else may end it. */
  private static void report(ConductorServiceGrpc.ConductorServiceBlockingStub conductor, String vimId)
      throws InterruptedException {
    UpdateVimRequest.Builder request =
        UpdateVimRequest.newBuilder()
            .setVimId(vimId)
            .setActionId(vimId) // of a VIM that was registered with the engine EXTERNAL
            .setStatus(Vim.Status.REACHABLE) // here the cloud would be asked
            // It grows with each new verdict, also across restarts of this program.
            .setObservation(System.currentTimeMillis());
    Backoff backoff = new Backoff();
    while (true) {
      UpdateVimResponse response;
      try {
        response = conductor.withDeadlineAfter(CALL_LIMIT_S, TimeUnit.SECONDS).updateVim(request.build());
      } catch (StatusRuntimeException error) {
        if (!PASSING.contains(error.getStatus().getCode())) {
          throw error;
        }
        System.err.println("reports again after: " + error.getMessage());
        backoff.pause();
        continue;
      }
      backoff.reset();
      if (response.hasBadAction()) {
        return;
      }
      if (response.getNewestObservation() >= request.getObservation()) {
        request.setObservation(response.getNewestObservation() + 1);
        continue;
      }
      Duration within =
          Duration.ofSeconds(response.getContactWithin().getSeconds(), response.getContactWithin().getNanos());
      // Half of the time is left for a report that has to be sent again.
      Thread.sleep(within.toMillis() / 2);
    }
  }

  /** Pauses for longer each time. */
  private static final class Backoff {
    private static final long FIRST_MS = 100;
    private static final long LONGEST_MS = 2000;
    private long ms = FIRST_MS;

    void pause() throws InterruptedException {
      Thread.sleep(ms);
      ms = Math.min(ms * 2, LONGEST_MS);
    }

    void reset() {
      ms = FIRST_MS;
    }
  }
}
