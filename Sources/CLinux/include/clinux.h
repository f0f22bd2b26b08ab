// Thin shims over Linux system calls that Swift cannot call as they stand (variadic, behind _GNU_SOURCE, or
// macros). Each returns a value >= 0, or -errno; none holds state.
#pragma once

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

/// Opens a file or directory for reading, close-on-exec.
int cl_open(const char *path);
/// Closes a descriptor.
int cl_close(int fd);
/// Duplicates a descriptor, close-on-exec.
int cl_duplicate(int fd);
/// Reads once; restarted when a signal interrupts.
int64_t cl_read(int fd, void *buffer, size_t length);
/// Writes once; restarted when a signal interrupts.
int64_t cl_write(int fd, const void *buffer, size_t length);
/// Waits until the descriptor can be read: 1, or 0 after the timeout.
int cl_wait_readable(int fd, int timeout_ms);
/// Nanoseconds of CLOCK_MONOTONIC, which is what bpf_ktime_get_ns counts.
uint64_t cl_monotonic_ns(void);

/// Moves the calling thread into a network namespace.
int cl_enter_network_namespace(int fd);
/// Gives the calling thread a new network namespace and binds it to the path, an existing empty file.
int cl_new_network_namespace(const char *path);
/// Makes /run/netns a mount of its own that propagates, as `ip netns add` does.
int cl_share_mount(const char *directory);
/// Unmounts a file and removes it.
int cl_unmount_file(const char *path);
/// Creates an empty file; one that exists is an error.
int cl_create_file(const char *path);
/// Creates a directory; one that exists is fine.
int cl_create_directory(const char *path, unsigned int mode);
/// Removes a file or a pinned BPF object.
int cl_unlink(const char *path);
/// Removes an empty directory.
int cl_remove_directory(const char *path);
/// Whether the directory lies on a BPF file system: 1 or 0.
int cl_is_bpf_filesystem(const char *directory);
/// Unmounts a directory, at once or when its last user is gone.
int cl_unmount(const char *directory);
/// Mounts a BPF file system.
int cl_mount_bpf(const char *directory);
/// The calling thread's effective capabilities as a mask.
int64_t cl_effective_capabilities(void);

/// A netlink socket with extended acknowledgements.
int cl_netlink_open(int protocol);
/// Sends one message to the kernel.
int64_t cl_netlink_send(int fd, const void *buffer, size_t length);

/// Opens a TAP device, with IFF_VNET_HDR where asked for, and sets its offloads (TUN_F_ bits).
int cl_tap_open(const char *name, int vnet_header, unsigned int offloads);
/// Keeps a TAP device when its last descriptor is closed, or not.
int cl_tap_set_persistent(int fd, int persistent);

/// A raw packet socket that receives nothing.
int cl_packet_open(void);
/// Sends a whole Ethernet frame out of a device.
int64_t cl_packet_send(int fd, uint32_t device, const void *frame, size_t length);

/// A UDP socket, not bound; family is 4 or 6.
int cl_datagram_open(int family);
/// Binds a UDP socket to a source address, any port.
int cl_datagram_bind(int fd, int family, const uint8_t *address);
/// Sends one datagram.
int64_t cl_datagram_send(int fd, int family, const uint8_t *address, uint16_t port, const void *payload,
                         size_t length);

/// Sends a state to the socket of a service manager (sd_notify(3)); 0, or a negative error number.
int cl_notify(const char *path, const char *state);
