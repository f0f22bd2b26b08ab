#define _GNU_SOURCE
#include "batches.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { buffer_bytes = 16 << 20, histogram = 400000, bucket_ns = 25 };

uint64_t bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void write_half(uint8_t *octets, uint64_t value) {
    for (int i = 0; i < 8; i++) octets[i] = (uint8_t)(value >> (56 - 8 * i));
}

struct sockaddr_in6 bench_address(struct bench_target to) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(to.port)};
    write_half(address.sin6_addr.s6_addr, to.high);
    write_half(address.sin6_addr.s6_addr + 8, to.low);
    return address;
}

void bench_set_timeout(int socket, uint32_t milliseconds) {
    struct timeval t = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

int bench_pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return sched_setaffinity(0, sizeof set, &set) ? -errno : 0;
}

int bench_socket(void) {
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = buffer_bytes;
    if (s < 0) return -errno;
    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return s;
}

int bench_listen(uint16_t port) {
    int s = bench_socket();
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (s >= 0 && bind(s, (struct sockaddr *)&any, sizeof any)) {
        int code = errno;
        close(s);
        return -code;
    }
    return s;
}

struct bench_flow bench_send_batches(int s, struct mmsghdr *messages, uint64_t rate, uint32_t milliseconds,
                                     void (*draw)(void *, unsigned), void *context) {
    struct bench_flow flow = {0};
    uint64_t start = bench_now(), end = start + milliseconds * 1000000ull, t = start;
    while (!flow.result && t < end) {
        // An open loop: what is due by now is sent, at most one batch at a time.
        uint64_t due = rate ? (t - start) * rate / 1000000000u + 1 : flow.packets + batch;
        unsigned n = due > flow.packets + batch ? batch : due > flow.packets ? (unsigned)(due - flow.packets) : 0;
        if (draw) draw(context, n);
        int sent = n ? sendmmsg(s, messages, n, 0) : 0;
        if (sent > 0) flow.packets += (unsigned)sent;
        // A receiver that is not there yet, and a full queue, are losses and not the end.
        else if (n && errno != ECONNREFUSED && errno != ENOBUFS && errno != EAGAIN) flow.result = -errno;
        t = bench_now();
    }
    flow.nanoseconds = t - start;
    close(s);
    return flow;
}

struct bench_flow bench_send(struct bench_target to, uint32_t size, uint64_t rate, uint32_t milliseconds) {
    static uint8_t payload[largest];
    struct sockaddr_in6 address = bench_address(to);
    struct iovec part = {payload, size <= largest ? size : largest};
    struct mmsghdr messages[batch] = {0};
    int s = bench_socket();
    if (s < 0) return (struct bench_flow){.result = s};
    for (int i = 0; i < batch; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
    if (connect(s, (struct sockaddr *)&address, sizeof address)) {
        int code = errno;
        close(s);
        return (struct bench_flow){.result = -code};
    }
    return bench_send_batches(s, messages, rate, milliseconds, NULL, NULL);
}

struct bench_flow bench_receive(int socket, uint32_t size) {
    static uint8_t payloads[batch][largest];
    struct iovec parts[batch];
    struct mmsghdr messages[batch] = {0};
    struct bench_flow flow = {0};
    uint64_t first = 0, last = 0;
    for (int i = 0; i < batch; i++) {
        parts[i] = (struct iovec){payloads[i], largest};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    bench_set_timeout(socket, 10000);
    for (;;) {
        int n = recvmmsg(socket, messages, batch, MSG_WAITFORONE, NULL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        last = bench_now();
        if (!first) first = last, bench_set_timeout(socket, 400);
        for (int i = 0; i < n; i++) flow.packets += messages[i].msg_len == size;
    }
    if (errno != EAGAIN || !first) flow.result = -errno;
    flow.nanoseconds = last - first;
    return flow;
}

struct bench_flow bench_echo(int socket) {
    uint8_t payload[largest];
    struct bench_flow flow = {0};
    uint64_t first = 0, last = 0;
    bench_set_timeout(socket, 10000);
    for (;;) {
        struct sockaddr_in6 from;
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(socket, payload, sizeof payload, 0, (struct sockaddr *)&from, &length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        sendto(socket, payload, (size_t)n, 0, (struct sockaddr *)&from, length);
        last = bench_now(), flow.packets++;
        if (!first) first = last, bench_set_timeout(socket, 1000);
    }
    if (errno != EAGAIN || !first) flow.result = -errno;
    flow.nanoseconds = last - first;
    return flow;
}

static uint64_t percentile(const uint32_t *counts, uint64_t total, uint64_t percent) {
    uint64_t seen = 0;
    for (uint64_t i = 0; i < histogram; i++)
        if ((seen += counts[i]) * 100 >= total * percent) return i * bucket_ns + bucket_ns / 2;
    return (uint64_t)histogram * bucket_ns;
}

struct bench_echoes bench_ping(struct bench_target to, uint32_t size, uint32_t milliseconds) {
    uint8_t payload[largest] = {0};
    uint32_t *counts = calloc(histogram, sizeof *counts);
    struct bench_echoes echoes = {0};
    struct sockaddr_in6 address = bench_address(to);
    int s = bench_socket();
    if (s < 0 || !counts || size < sizeof(uint64_t) || size > largest) echoes.result = s < 0 ? s : -EINVAL;
    else if (connect(s, (struct sockaddr *)&address, sizeof address)) echoes.result = -errno;
    if (!echoes.result) bench_set_timeout(s, 100);
    // The first round trips fill caches and are not counted.
    uint64_t start = bench_now(), end = start + milliseconds * 1000000ull, number = 0, warm = 200;
    for (uint64_t t = start; !echoes.result && t < end; t = bench_now()) {
        uint64_t back = ~number;
        memcpy(payload, &number, sizeof number);
        ssize_t n = send(s, payload, size, 0);
        // Echoes that come late belong to round trips counted as lost.
        while (n > 0 && back != number) {
            n = recv(s, payload, sizeof payload, 0);
            if (n >= (ssize_t)sizeof back) memcpy(&back, payload, sizeof back);
        }
        number++;
        uint64_t bucket = (bench_now() - t) / bucket_ns;
        if (number <= warm) continue;
        if (back == number - 1) echoes.count++, counts[bucket < histogram ? bucket : histogram - 1]++;
        else echoes.lost++;
    }
    if (!echoes.result && !echoes.count) echoes.result = -ETIMEDOUT;
    echoes.p50_ns = counts && echoes.count ? percentile(counts, echoes.count, 50) : 0;
    echoes.p99_ns = counts && echoes.count ? percentile(counts, echoes.count, 99) : 0;
    free(counts);
    if (s >= 0) close(s);
    return echoes;
}
