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
                                           : KP_DROP_PUNTED;
    __u64 now = bpf_ktime_get_ns(), time = port->punt_time;

    // The budget is a virtual clock: each punt moves it on, and it may run ahead of the real one by the burst.
    // Two processors may both win the last token; that is harmless.
    if (time < now) time = now;
    time += port->punt_interval;
    if (time - now > port->punt_burst)
        return drop(port, reason == KP_PUNT_TOO_BIG ? KP_DROP_TOO_BIG : KP_DROP_PUNT_BUDGET);
    port->punt_time = time;

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
    return drop(port, taken || reason == KP_PUNT_TOO_BIG ? counted : KP_DROP_RING_FULL);
}

/// Tells the leaf of a frame that is too big by its beginning: as much as the answer quotes (RFC 4443, section 3.2).
static int punt_too_big(struct __sk_buff *skb, struct kp_port *port) {
    __u32 length = skb->len, most = ETH_HLEN + 1280;

    return punt(skb, port, KP_PUNT_TOO_BIG, length < most ? length : most);
}
