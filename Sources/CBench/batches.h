#pragma once

#include "load.h"

#include <sys/socket.h>

enum { batch = 64, largest = 1500 };

// Sends the batch again and again for a time, at a rate (0: as fast as it can), and closes the socket; `draw`, where
// there is one, rewrites the next n messages first.
struct bench_flow bench_send_batches(int s, struct mmsghdr *messages, uint64_t rate, uint32_t milliseconds,
                                     void (*draw)(void *, unsigned), void *context);
