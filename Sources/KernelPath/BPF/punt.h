// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Telling the leaf of a frame.
#pragma once

#define PUNT_RECORD(size)                                                                                     \
    ({                                                                                                        \
        struct {                                                                                              \
            struct kp_punt head;                                                                              \
            __u8 frame[size];                                                                                 \
        } *record = bpf_ringbuf_reserve(&punts, sizeof *record, 0);                                           \
        if (record) {                                                                                         \
            record->head = (struct kp_punt){.port = skb->ifindex, .reason = reason, .length = length};        \
            if (bpf_skb_load_bytes(skb, 0, record->frame, length) == 0)                                       \
                bpf_ringbuf_submit(record, 0);                                                                \
            else                                                                                              \
                bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                                                \
        }                                                                                                     \
        record != NULL;                                                                                       \
    })

/// Hands a copy of the frame to the leaf and drops the frame, counted as told, or by what went wrong.
static __noinline int punt(struct __sk_buff *skb, struct kp_port *port, __u32 reason, __u32 length) {
    bool taken = false;
    __u32 counted = reason == KP_PUNT_MISS ? KP_DROP_NO_WIRE
        : reason == KP_PUNT_TOO_BIG        ? KP_DROP_TOO_BIG
        : reason == KP_PUNT_REJECTED       ? KP_DROP_REJECTED
                                           : KP_DROP_PUNTED;
    bool is_answer = reason == KP_PUNT_TOO_BIG || reason == KP_PUNT_REJECTED;

    if (!within(&port->punt_time, bpf_ktime_get_ns(), port->punt_interval, port->punt_burst))
        return drop(port, is_answer ? counted : KP_DROP_PUNT_BUDGET);

    // A record's size has to be a constant, so there are four. The last is for super-packets: the leaf cannot send
    // one, but it learns that a wire is wanted, and the next one finds it.
    if (length >= ETH_HLEN && length <= 256)
        taken = PUNT_RECORD(256);
    else if (length > 256 && length <= 2048)
        taken = PUNT_RECORD(2048);
    else if (length > 2048 && length <= 9216)
        taken = PUNT_RECORD(9216);
    else if (length > 9216 && length <= 65535)
        taken = PUNT_RECORD(65536);
    else
        return drop(port, KP_DROP_PUNT_SIZE);
    return drop(port, taken || is_answer ? counted : KP_DROP_RING_FULL);
}

/// Tells the leaf of a frame to answer with an error by its beginning: as much as an answer quotes (RFC 4443,
/// section 3.2). Without budget the sender is not told; the frame is dropped for the same reason.
static int punt_beginning(struct __sk_buff *skb, struct kp_port *port, __u32 reason) {
    __u32 length = skb->len, most = ETH_HLEN + 1280;

    return punt(skb, port, reason, length < most ? length : most);
}
