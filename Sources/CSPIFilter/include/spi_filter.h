// What the filter of the receive sockets and the engine share: a piece of memory in the kernel, mapped by the engine.
#pragma once

#include <linux/types.h>

/// Associations of a group, one a queue: its SPI base is a multiple of this. The same as in the engine's table.
#define SPI_FILTER_QUEUES 8
/// Groups at most.
#define SPI_FILTER_PLACES 65536
/// Rows of counters; a processor writes to one row, so that processors do not wait for each other.
#define SPI_FILTER_ROWS 64

/// An ESP packet without what is sealed: SPI, sequence number, vector, tag (4, 4, 8, 16; RFC 4303, RFC 4106).
#define SPI_FILTER_FIXED_BYTES 32
/// Sealed bytes are a multiple of this, and at least that many (RFC 4303, section 2.4).
#define SPI_FILTER_ALIGNMENT 4

/// Why a datagram was dropped: what the engine would have said of it.
enum spi_filter_reason {
    SPI_FILTER_KEEPALIVE,   ///< one byte of ones (RFC 3948, section 2.3)
    SPI_FILTER_MALFORMED,   ///< no ESP packet has this length
    SPI_FILTER_NOT_ESP,     ///< SPI zero (RFC 3948, section 2.2)
    SPI_FILTER_UNKNOWN_SPI, ///< no installed group has the SPI
    SPI_FILTER_REASONS
};

/// One value of one map.
struct spi_filter_memory {
    /// Each place's group: SPI base << 32 | number of queues; 0 is none. A word, so that nobody sees half of it.
    __u64 groups[SPI_FILTER_PLACES];
    /// Dropped datagrams; a row is a cache line.
    __u64 drops[SPI_FILTER_ROWS][8];
    /// How many places the engine's table has; an SPI's place is SPI / SPI_FILTER_QUEUES modulo this.
    __u32 capacity;
    __u32 unused;
};

/// Maps the memory of a map's descriptor; 0 or -errno.
int spi_filter_map(int map, struct spi_filter_memory **memory);
/// Ends the mapping.
void spi_filter_unmap(struct spi_filter_memory *memory);
/// Sets how many places there are.
void spi_filter_set_capacity(struct spi_filter_memory *memory, __u32 capacity);
/// Sets the group of a place, seen by every datagram from then on.
void spi_filter_set(struct spi_filter_memory *memory, __u32 place, __u64 group);
/// How many datagrams were dropped for a reason, by all processors.
__u64 spi_filter_count(const struct spi_filter_memory *memory, __u32 reason);
/// Puts a program on a socket, in place of what it had; 0 or -errno.
int spi_filter_attach(int socket, int program);
/// Takes off a socket what it has; 0 or -errno, and also 0 when it had none.
int spi_filter_detach(int socket);
/// A descriptor of the same thing, close-on-exec; or -errno.
int spi_filter_duplicate(int descriptor);
