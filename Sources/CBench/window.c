#define _GNU_SOURCE
#include "batches.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

// A batch of messages with room for their payloads and senders.
struct batch {
    struct mmsghdr messages[batch];
    struct iovec parts[batch];
    struct sockaddr_in6 addresses[batch];
    uint8_t payloads[batch][largest];
};

static void prepare(struct batch *b, size_t size, int with_addresses) {
    for (int i = 0; i < batch; i++) {
        b->parts[i] = (struct iovec){b->payloads[i], size};
        b->messages[i].msg_hdr = (struct msghdr){.msg_iov = &b->parts[i], .msg_iovlen = 1};
        if (!with_addresses) continue;
        b->messages[i].msg_hdr.msg_name = &b->addresses[i];
        b->messages[i].msg_hdr.msg_namelen = sizeof b->addresses[i];
    }
}

struct bench_exchange bench_exchange(struct bench_target to, uint32_t size, uint32_t window, uint32_t milliseconds) {
    static struct batch out, in;
    struct bench_exchange done = {0};
    struct sockaddr_in6 address = bench_address(to);
    int s = bench_socket();
    if (s < 0 || size > largest) return (struct bench_exchange){.result = s < 0 ? s : -EINVAL};
    prepare(&out, size, 0), prepare(&in, largest, 0);
    if (connect(s, (struct sockaddr *)&address, sizeof address)) done.result = -errno;
    bench_set_timeout(s, 20);
    uint64_t start = bench_now(), end = start + milliseconds * 1000000ull, t = start, under_way = 0;
    for (; !done.result && t < end; t = bench_now()) {
        while (under_way < window) {
            uint64_t free = window - under_way;
            int n = sendmmsg(s, out.messages, free < batch ? (unsigned)free : batch, 0);
            if (n > 0) under_way += (unsigned)n;
            else if (errno == ENOBUFS || errno == EAGAIN || errno == ECONNREFUSED) break;
            else { done.result = -errno; break; }
        }
        int n = recvmmsg(s, in.messages, batch, MSG_WAITFORONE, NULL);
        if (n > 0) {
            done.count += (unsigned)n;
            uint64_t late = (unsigned)n > under_way ? (unsigned)n - under_way : 0;
            under_way -= (unsigned)n - late;
            // What was given up has come after all.
            done.lost -= late < done.lost ? late : done.lost;
        } else if (n < 0 && (errno == EAGAIN || errno == ECONNREFUSED)) {
            done.lost += under_way, under_way = 0;
        } else if (n < 0 && errno != EINTR) {
            done.result = -errno;
        }
    }
    done.nanoseconds = t - start;
    close(s);
    return done;
}

int64_t bench_reflect(int socket) {
    static struct batch b;
    for (;;) {
        prepare(&b, largest, 1);
        int n = recvmmsg(socket, b.messages, batch, MSG_WAITFORONE, NULL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        for (int i = 0; i < n; i++) b.parts[i].iov_len = b.messages[i].msg_len;
        // What does not go at once is lost; the other end counts it.
        for (int sent = 0, more = 1; sent < n && more > 0; sent += more)
            more = sendmmsg(socket, b.messages + sent, (unsigned)(n - sent), 0);
    }
}
