// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Packets of flows that have a limit go through the shaper: a pair of veths whose near end has a queue for each limit
// (HTB). What comes out at the far end goes on where port_ingress left it. So the underlay's queues are as they were, and
// wires of every kind are limited alike.
#pragma once

#define SHAPER_MAJOR 1
/// In skb->cb of a frame that shorten() has shortened.
#define SHORTENED 0x70626b31

/// Takes the first bytes of IP out of a frame, as many as an Ethernet header has, until lengthen() puts them back.
///
/// A queue counts whole frames, by their length when they come to its device, and a limit is one of IP packets: for
/// small ones the 14 bytes are a tenth. A size table (TCA_STAB) would take them off, but it counts a super-packet's
/// headers once only, so that TCP were too fast by all others. Super-packets are not shortened: their 14 bytes for each
/// segment are a hundredth. Nor is what has no byte of payload to spare.
static __always_inline void shorten(struct __sk_buff *skb) {
    __u32 bytes[4] = {};
    skb->cb[4] = 0;
    if (skb->gso_size || bpf_skb_load_bytes(skb, ETH_HLEN, bytes, ETH_HLEN)
        || bpf_skb_adjust_room(skb, -ETH_HLEN, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_NO_CSUM_RESET))
        return;
    skb->cb[0] = bytes[0];
    skb->cb[1] = bytes[1];
    skb->cb[2] = bytes[2];
    skb->cb[3] = bytes[3];
    skb->cb[4] = SHORTENED;
}

/// Returns whether the frame is whole.
static __always_inline bool lengthen(struct __sk_buff *skb) {
    if (skb->cb[4] != SHORTENED) return true;
    __u32 bytes[4] = {skb->cb[0], skb->cb[1], skb->cb[2], skb->cb[3]};
    skb->cb[4] = 0;
    return bpf_skb_adjust_room(skb, ETH_HLEN, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_NO_CSUM_RESET) == 0
        && bpf_skb_store_bytes(skb, ETH_HLEN, bytes, ETH_HLEN, BPF_F_RECOMPUTE_CSUM) == 0;
}

/// Puts a frame into the queue of a class. The number of its port is written onto it, for the far end.
static __always_inline int shape(struct __sk_buff *skb, struct kp_port *port, __u32 number, __u32 class) {
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    if (!host || !host->shaper) return drop(port, KP_DROP_LIMIT);
    skb->priority = SHAPER_MAJOR << 16 | class;
    skb->mark = number;
    shorten(skb);
    return bpf_redirect(host->shaper, 0) | RESULT_SHAPED;
}
