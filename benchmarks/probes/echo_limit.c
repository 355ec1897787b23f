/* How little an ICMP probe can cost: one datagram socket, a batch of requests in one call, a batch of replies in another.
 *
 * echo_limit FIRST RATE SECONDS: sends RATE requests per second in ticks of 50 ms, or without any pause if RATE is 0, to
 * 10,000 addresses from FIRST on (IPv4 or IPv6), and checks that each request got its own reply.
 * Prints: sent answered cpu_seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, ADDRESSES = 10000, TICKS_PER_S = 20, LAST_REPLIES_MS = 1000, BUFFER_BYTES = 8 << 20 };

struct probe {
  struct icmphdr header;
  uint64_t number;
};

static struct probe requests[BATCH], replies[BATCH];
static union {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} first, targets[BATCH];
static int v6;
static uint32_t first_part;
static struct mmsghdr to_send[BATCH], to_receive[BATCH];
static struct iovec request_parts[BATCH], reply_parts[BATCH];
static uint64_t sent, answered, next_number[ADDRESSES];

static double seconds_of(struct timespec t) { return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return seconds_of(t);
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int open_socket(void) {
  int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  int bytes = BUFFER_BYTES;
  if (fd < 0) die("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes)) die("setsockopt");
  for (int i = 0; i < BATCH; i++) {
    requests[i].header.type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    targets[i] = first;
    request_parts[i] = (struct iovec){&requests[i], sizeof requests[i]};
    reply_parts[i] = (struct iovec){&replies[i], sizeof replies[i]};
    to_send[i].msg_hdr = (struct msghdr){
        .msg_name = &targets[i], .msg_namelen = v6 ? sizeof first.v6 : sizeof first.v4, .msg_iov = &request_parts[i], .msg_iovlen = 1};
    to_receive[i].msg_hdr = (struct msghdr){.msg_iov = &reply_parts[i], .msg_iovlen = 1};
  }
  return fd;
}

/* The number of a request says to which address it went, and how many went there before. */
static void send_some(int fd, int count) {
  for (int i = 0; i < count; i++) {
    requests[i].number = sent + (uint64_t)i;
    uint32_t *last_part = v6 ? &targets[i].v6.sin6_addr.s6_addr32[3] : &targets[i].v4.sin_addr.s_addr;
    *last_part = htonl(first_part + (uint32_t)(requests[i].number % ADDRESSES));
  }
  for (int done = 0; done < count;) {
    int some = sendmmsg(fd, to_send + done, (unsigned)(count - done), 0);
    if (some < 0) die("sendmmsg");
    done += some;
  }
  sent += (uint64_t)count;
}

static void receive_all(int fd) {
  for (;;) {
    int some = recvmmsg(fd, to_receive, BATCH, 0, NULL);
    if (some < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (some < 0) die("recvmmsg");
    for (int i = 0; i < some; i++) {
      uint64_t *expected = &next_number[replies[i].number % ADDRESSES];
      if (replies[i].header.type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && replies[i].number / ADDRESSES == *expected) {
        ++*expected;
        answered++;
      }
    }
    if (some < BATCH) return;
  }
}

static void read_first(const char *text) {
  v6 = inet_pton(AF_INET6, text, &first.v6.sin6_addr) == 1;
  if (v6) {
    first.v6.sin6_family = AF_INET6;
    first_part = ntohl(first.v6.sin6_addr.s6_addr32[3]);
    return;
  }
  if (inet_pton(AF_INET, text, &first.v4.sin_addr) != 1) exit(2);
  first.v4.sin_family = AF_INET;
  first_part = ntohl(first.v4.sin_addr.s_addr);
}

static void send_tick(int fd, int count) {
  for (int left = count; left > 0; left -= BATCH) {
    send_some(fd, left < BATCH ? left : BATCH);
    receive_all(fd);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  read_first(argv[1]);
  int rate = atoi(argv[2]), fd = open_socket();
  double begun = now(), lasts = atof(argv[3]);
  for (long tick = 1; now() - begun < lasts; tick++) {
    send_tick(fd, rate ? rate / TICKS_PER_S : BATCH);
    double early = rate ? begun + (double)tick / TICKS_PER_S - now() : 0;
    struct timespec pause = {0, (long)(early * 1e9)};
    if (early > 0) nanosleep(&pause, NULL);
  }
  struct pollfd more = {fd, POLLIN, 0};
  while (answered < sent && poll(&more, 1, LAST_REPLIES_MS) > 0) receive_all(fd);
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("%llu %llu %.6f\n", (unsigned long long)sent, (unsigned long long)answered, cpu);
  return 0;
}
