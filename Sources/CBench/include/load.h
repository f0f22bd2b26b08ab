// Load for the benchmark: datagrams in batches, echoes, and the "guest" behind a TAP device. Every function runs
// in a process of its own, started inside the namespace it measures. None holds state; each fits on a page.
// Addresses are given as two numbers, the halves of an IPv6 address, so that callers need no pointers.
#pragma once

#include <stdint.h>

struct bench_target {
    uint64_t high, low;      // the IPv6 address
    uint16_t port;
};

// Many wires at once: a source and one of its destinations are drawn anew for every packet, which leaves as a whole
// Ethernet frame by the source's own device. Source i has the low half from_low + i and the device first_device + i;
// its destinations are to_low + (i + k) % destinations for k below `fanout`.
struct bench_spray {
    uint64_t high, from_low, to_low; // all addresses share the high half
    uint64_t gateway;                // the Ethernet address to which frames go, 48 bits
    uint32_t sources, destinations, fanout, first_device;
    uint16_t port;
};

struct bench_flow {
    int64_t result;       // 0, or -errno
    uint64_t packets;     // sent or received
    uint64_t nanoseconds; // from the first packet to the last
};

struct bench_echoes {
    int64_t result; // 0, or -errno
    uint64_t count, lost;
    uint64_t p50_ns, p99_ns;
};

// Echoes of many datagrams under way at a time.
struct bench_exchange {
    int64_t result; // 0, or -errno
    uint64_t count, lost, nanoseconds;
};

// A stream of stamped datagrams as it arrived. Times are CLOCK_MONOTONIC, the same in every namespace.
struct bench_stream {
    int64_t result; // 0, or -errno
    uint64_t packets;
    uint64_t first_sent, first_received; // of the first to arrive
    uint64_t first_number;               // how many were sent before it
    uint64_t last_received;
};

struct bench_tap_traffic {
    int64_t result;
    uint64_t frames, bytes, super_packets; // towards the guest
};

/// Pins the process to one processor.
int bench_pin(int processor);
/// Sends datagrams of `size` bytes for a time, at a rate (packets a second) or, with rate 0, as fast as it can.
struct bench_flow bench_send(struct bench_target to, uint32_t size, uint64_t rate, uint32_t milliseconds);
/// The same as fast as it can, every packet to another wire.
struct bench_flow bench_spray_frames(struct bench_spray spray, uint32_t size, uint32_t milliseconds);
/// A UDP socket bound to [::]:port with a large buffer.
int bench_listen(uint16_t port);
/// Counts datagrams of `size` bytes until none came for 400 ms after the first, or for 10 s before it.
struct bench_flow bench_receive(int socket, uint32_t size);
/// Sends every datagram back, until none came for 1 s after the first, or for 10 s before it.
struct bench_flow bench_echo(int socket);
/// Sends one datagram at a time and waits for its echo; percentiles of the round trip.
struct bench_echoes bench_ping(struct bench_target to, uint32_t size, uint32_t milliseconds);
/// Keeps `window` datagrams under way for a time and counts their echoes. Those that are not back when nothing came for
/// 20 ms are lost, and others take their place.
struct bench_exchange bench_exchange(struct bench_target to, uint32_t size, uint32_t window, uint32_t milliseconds);
/// Sends every datagram back, in batches, until the process is ended; returns -errno.
int64_t bench_reflect(int socket);
/// Sends stamped datagrams, one every so many microseconds.
struct bench_flow bench_send_stream(struct bench_target to, uint32_t microseconds, uint32_t milliseconds);
/// Waits up to 60 s for a stream and takes it until nothing came for a time.
struct bench_stream bench_take_stream(int socket, uint32_t idle_milliseconds);
/// Carries frames, vnet header of 12 bytes in front, between two TAP devices opened without blocking, until the
/// process is asked to end (SIGTERM).
struct bench_tap_traffic bench_tap_pipe(int port, int guest);
/// Gives what the heap has free back to the system.
void bench_give_back(void);
