// Thin shims over the system calls of packet input and output. Each returns a value >= 0, or -errno; none holds state.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// An address and port of either family, ready for the kernel: `length` bytes of `bytes` are a struct sockaddr.
struct pio_address {
    uint32_t length;
    uint8_t bytes[28];
};

// MARK: TAP

/// Opens one more queue of a multi-queue TAP device, which is made if there is none, with a virtio_net_hdr of 10 bytes.
int pio_tap_queue(const char *name);
/// Sets the offloads (TUN_F_ bits) of a device. A kernel before 6.2 knows no UDP ones: -EINVAL.
int pio_tap_offloads(int fd, unsigned int offloads);
/// The name of the device that a descriptor is a queue of; the buffer has 16 bytes.
int pio_tap_name(int fd, char *name);
/// Brings a device up, and sets its MTU and, where not 0, the largest super-packet that the kernel gives it.
int pio_link_set(const char *name, unsigned int mtu, unsigned int gso_bytes, unsigned int gso_segments);

// MARK: UDP

/// Fills in an address; family is 4 or 6, octets are in network order, the port is in host order.
int pio_address_make(struct pio_address *address, int family, const uint8_t *octets, unsigned int port);
/// The address that a socket is bound to; gives its family, 4 or 6.
int pio_address_local(int fd, uint8_t *octets, uint16_t *port);
/// A UDP socket bound to an address, with big buffers and the don't-fragment rule of a prober. Sending waits for room.
int pio_udp_open(const struct pio_address *local, int reuse_port, int buffer_bytes);
/// Whether the kernel cuts datagrams on sending (UDP_SEGMENT, Linux 4.18): 1 or 0.
int pio_udp_can_segment(int fd);
/// Asks for received datagrams of one flow joined (UDP_GRO, Linux 5.0).
int pio_udp_join(int fd);
/// Leaves out the checksums of IPv4 datagrams (RFC 3948, section 2.1).
int pio_udp_without_checksum(int fd);
/// Has the kernel look for packets itself for so many microseconds before it sleeps.
/// Steers datagrams within the group of sockets of one port: socket number = (fourth payload byte) & mask.
int pio_udp_steer(int fd, unsigned int mask);
/// Sends bytes as datagrams of `segment` bytes each (the last may be shorter) by one call, UDP_SEGMENT.
int64_t pio_udp_send(int fd, const struct pio_address *to, const void *bytes, size_t length, unsigned int segment);
/// The same by sendmmsg, for a kernel or device that cannot cut; gives how many datagrams went.
int64_t pio_udp_send_each(int fd, const struct pio_address *to, const void *bytes, size_t length,
                          unsigned int segment);
/// Receives a datagram, or several of one flow joined, without waiting; `segment` is the bytes of each but the last, 0 for one alone.
int64_t pio_udp_receive(int fd, void *bytes, size_t capacity, unsigned int *segment);

// MARK: Waiting

/// A counter to wake a thread that waits.
int pio_wake_open(void);
/// Waits until one of up to three descriptors (-1: none) can be read: a bit each, 0 after the timeout.
int pio_wait(int a, int b, int c, int timeout_ms);
/// Sets a descriptor not to block, or to block.
int pio_set_blocking(int fd, int blocking);

// MARK: Memory

/// A file in memory of a fixed size, which nobody can change the size of.
int pio_memory_open(const char *name, size_t size);
/// The size of a file in memory; -EPERM when its size could still be changed.
int64_t pio_memory_size(int fd);
/// Maps a file in memory, shared; it stays out of dumps.
int pio_memory_map(int fd, size_t size, void **address);
/// Keeps what is or will be in a mapping out of swap; -ENOMEM or -EPERM where the limit of locked memory does not allow it.
int pio_memory_lock(void *address, size_t size);
/// Private memory for packets, on page boundaries; stays out of dumps.
int pio_memory_private(size_t size, void **address);
/// Ends a mapping.
int pio_memory_unmap(void *address, size_t size);
/// Reads once; restarted when a signal interrupts.
int64_t pio_read(int fd, void *bytes, size_t capacity);
/// Writes once; restarted when a signal interrupts.
int64_t pio_write(int fd, const void *bytes, size_t length);
/// Closes a descriptor.
int pio_close(int fd);
/// Duplicates a descriptor, close-on-exec.
int pio_duplicate(int fd);
/// Nanoseconds of CLOCK_MONOTONIC.
uint64_t pio_monotonic(void);
/// Overwrites with zeros, and the compiler cannot leave it out.
void pio_wipe(void *address, size_t size);
