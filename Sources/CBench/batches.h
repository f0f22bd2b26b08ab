#pragma once

#include "load.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { batch = 64, largest = 1500 };

// Sends the batch again and again for a time, at a rate (0: as fast as it can), and closes the socket; `draw`, where
// there is one, rewrites the next n messages first.
struct bench_flow bench_send_batches(int s, struct mmsghdr *messages, uint64_t rate, uint32_t milliseconds,
                                     void (*draw)(void *, unsigned), void *context);

// Nanoseconds of CLOCK_MONOTONIC.
uint64_t bench_now(void);
// A UDP socket over IPv6 with large buffers, or -errno.
int bench_socket(void);
// Makes receiving end after a time.
void bench_set_timeout(int socket, uint32_t milliseconds);
// The socket address of a target.
struct sockaddr_in6 bench_address(struct bench_target to);
