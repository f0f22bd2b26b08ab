#include "load.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { header = 12, largest = 70000, turn = 64 };

static volatile sig_atomic_t ended;

static void end(int number) {
    (void)number;
    ended = 1;
}

// Carries at most `turn` frames one way; returns how many.
static int carry(int from, int to, struct bench_tap_traffic *traffic) {
    static uint8_t frame[largest];
    int count = 0;
    for (; count < turn; count++) {
        ssize_t n = read(from, frame, sizeof frame);
        if (n <= 0) break;
        // A full queue drops the frame, as a guest's ring would.
        if (write(to, frame, (size_t)n) != n || !traffic) continue;
        traffic->frames++, traffic->bytes += (uint64_t)n - header;
        traffic->super_packets += frame[1] != VIRTIO_NET_HDR_GSO_NONE;
    }
    return count;
}

struct bench_tap_traffic bench_tap_pipe(int port, int guest) {
    struct bench_tap_traffic traffic = {0};
    struct pollfd ends[2] = {{.fd = port, .events = POLLIN}, {.fd = guest, .events = POLLIN}};
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    while (!ended) {
        int carried = carry(port, guest, &traffic) + carry(guest, port, NULL);
        // Between the look at `ended` and here a signal may come: never wait for longer than a moment.
        if (!carried && poll(ends, 2, 200) < 0 && errno != EINTR) return traffic.result = -errno, traffic;
    }
    return traffic;
}
