// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Stands before the engine's receive sockets: a datagram that cannot be for an installed association is counted and
// dropped in the kernel, before it takes room in a socket or wakes a thread. Who has no keys but knows an SPI gets by;
// the engine checks every packet itself.

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "spi_filter.h"

/// A filter of a UDP socket sees the datagram from its UDP header on.
#define UDP_BYTES 8
/// The most datagrams that the kernel joins or leaves joined (UDP_MAX_SEGMENTS since Linux 6.9; 64 before).
#define MOST_SEGMENTS 128
#define KEEP_ALL (-1)
#define DROP 0

char LICENSE[] SEC("license") = "Dual Apache-2.0/GPL-2.0";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct spi_filter_memory);
} memory SEC(".maps");

/// Why a packet would be refused, in the engine's own order (Opener.refusal); SPI_FILTER_REASONS when it would not be.
/// Global, so that the verifier looks at it once and not for each turn of the loop.
__noinline __u32 judge(struct __sk_buff *skb, __u32 at, __u32 count) {
    __u32 zero = 0;
    const struct spi_filter_memory *known = bpf_map_lookup_elem(&memory, &zero);
    if (!known) return SPI_FILTER_REASONS;
    __be32 word;
    if (count < sizeof word) {
        __u8 first = 0;
        if (count == 1) bpf_skb_load_bytes(skb, at, &first, 1);
        return first == 0xff ? SPI_FILTER_KEEPALIVE : SPI_FILTER_MALFORMED;
    }
    if (bpf_skb_load_bytes(skb, at, &word, sizeof word)) return SPI_FILTER_MALFORMED;
    __u32 spi = bpf_ntohl(word);
    if (!spi) return SPI_FILTER_NOT_ESP;
    if (count < SPI_FILTER_FIXED_BYTES + SPI_FILTER_ALIGNMENT || count % SPI_FILTER_ALIGNMENT)
        return SPI_FILTER_MALFORMED;
    // The capacity is never above SPI_FILTER_PLACES; the mask is for the verifier.
    __u32 place = spi / SPI_FILTER_QUEUES % known->capacity & (SPI_FILTER_PLACES - 1);
    __u64 group = *(const volatile __u64 *)&known->groups[place];
    return spi - (__u32)(group >> 32) < (__u32)group ? SPI_FILTER_REASONS : SPI_FILTER_UNKNOWN_SPI;
}

SEC("socket")
int spi_filter(struct __sk_buff *skb) {
    __u32 zero = 0;
    struct spi_filter_memory *known = bpf_map_lookup_elem(&memory, &zero);
    if (!known || skb->len < UDP_BYTES) return KEEP_ALL;
    __u32 total = skb->len - UDP_BYTES, size = skb->gso_size;
    if (!size || size > total) size = total;

    // 1. Datagrams that the kernel joined: all are dropped only if each one would be. Otherwise somebody who sends from
    // a peer's address could have the peer's packets joined to a bad one of his own, and dropped with it.
    __u64 counts = 0;
    __u32 at = 0;
    for (int segment = 0; segment < MOST_SEGMENTS; segment++) {
        __u32 count = total - at < size ? total - at : size;
        __u32 reason = judge(skb, UDP_BYTES + at, count);
        if (reason >= SPI_FILTER_REASONS) return KEEP_ALL;
        counts += 1ull << reason * 16;
        at += count;
        if (at >= total) break;
    }
    if (at < total) return KEEP_ALL;

    // 2. Each is counted. The row is this processor's alone where there are no more than rows.
    __u64 *row = known->drops[bpf_get_smp_processor_id() % SPI_FILTER_ROWS];
    for (int reason = 0; reason < SPI_FILTER_REASONS; reason++) {
        __u64 count = counts >> reason * 16 & 0xffff;
        if (count) __sync_fetch_and_add(&row[reason], count);
    }
    return DROP;
}
