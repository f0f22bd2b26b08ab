// Shims for the control socket and for what a process may do. Each returns a value >= 0, or -errno; none holds state.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The most descriptors in one message.
#define PIO_MAX_DESCRIPTORS 64

// MARK: Control sockets (AF_UNIX, SOCK_SEQPACKET)

/// Listens at a path, mode 0600; a file that a dead process left there is replaced, a live one is -EADDRINUSE.
int pio_control_listen(const char *path);
/// Connects to a path.
int pio_control_connect(const char *path);
/// Makes a connection of which this process has both ends.
int pio_control_pair(int fds[2]);
/// Takes the next connection, not blocking.
int pio_control_accept(int fd);
/// The user at the other end, as the kernel saw it on connecting.
int64_t pio_control_peer(int fd);
/// Whether a descriptor is a listening socket: 1 or 0.
int pio_control_is_listening(int fd);
/// How long sending and receiving may take, 0: for ever.
int pio_control_timeout(int fd, unsigned int milliseconds);
/// Sends one message with descriptors.
int64_t pio_control_send(int fd, const void *bytes, size_t length, const int *fds, size_t count);
/// Receives one message; -EMSGSIZE when it or its descriptors did not fit (the descriptors that came are closed).
int64_t pio_control_receive(int fd, void *bytes, size_t capacity, int *fds, size_t *count);

// MARK: The process

/// Looks a user up: user and group id.
int pio_user(const char *name, uid_t *user, gid_t *group);
/// Becomes another user (-1: stays this one) and gives up every capability and what could bring one back; from then on
/// no dump, no core, no tracing by the same user. For the whole process only while it has a single thread.
int pio_confine(int64_t user, gid_t group);
/// Raises the limit of locked memory (RLIMIT_MEMLOCK) to so many bytes if it is lower, or as near as this process may.
int pio_allow_locked(size_t size);
/// Keeps SIGPIPE from ending the process and gives a descriptor at which SIGTERM and SIGINT arrive.
int pio_signals(void);
/// Names the calling thread, at most 15 bytes.
int pio_thread_name(const char *name);
/// Has the calling thread not interrupt others when it is woken (SCHED_BATCH).
int pio_thread_batch(void);
/// Bytes that the heap has in use (mallinfo2), and how many chunks of it are free.
int64_t pio_heap_in_use(void);
