#define _GNU_SOURCE
#include "batches.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct stamp {
    uint64_t number, sent;
};

struct bench_flow bench_send_stream(struct bench_target to, uint32_t microseconds, uint32_t milliseconds) {
    struct bench_flow flow = {0};
    struct sockaddr_in6 address = bench_address(to);
    int s = bench_socket();
    if (s < 0) return (struct bench_flow){.result = s};
    if (connect(s, (struct sockaddr *)&address, sizeof address)) flow.result = -errno;
    uint64_t start = bench_now(), end = start + milliseconds * 1000000ull, due = start;
    for (uint64_t t = start; !flow.result && t < end; t = bench_now()) {
        struct stamp stamp = {flow.packets, t};
        // What a refusal on the host answers (ICMPv6) shows up here and is no end either.
        (void)!send(s, &stamp, sizeof stamp, 0);
        flow.packets++;
        due += microseconds * 1000ull;
        struct timespec until = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    flow.nanoseconds = bench_now() - start;
    close(s);
    return flow;
}

struct bench_stream bench_take_stream(int socket, uint32_t idle_milliseconds) {
    struct bench_stream stream = {0};
    struct stamp stamp;
    bench_set_timeout(socket, 60000);
    for (;;) {
        ssize_t n = recv(socket, &stamp, sizeof stamp, 0);
        uint64_t t = bench_now();
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        if (n != sizeof stamp) continue;
        if (!stream.packets++) {
            stream.first_sent = stamp.sent, stream.first_received = t, stream.first_number = stamp.number;
            bench_set_timeout(socket, idle_milliseconds);
        }
        stream.last_received = t;
    }
    if (!stream.packets || errno != EAGAIN) stream.result = -errno;
    return stream;
}
